#!/usr/bin/env node
/** The process edge: arguments in, exit code out. The only caller of `process.exit`. */
import type { CliIo } from './cli/io.ts'
import { runCommandLine } from './cli/program.ts'

let exitCode = 0

const io: CliIo = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  setExitCode: code => {
    exitCode = Math.max(exitCode, code)
  },
  onSignal: (name, handler) => {
    process.on(name, handler)
    return () => process.off(name, handler)
  },
}

// A reader that goes away (`millrace schema | head`) ends the command, not with a stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCode : 1)
})

await runCommandLine(process.argv.slice(2), io)
// An empty write comes back when all before it is out.
process.stdout.write('', () => process.exit(exitCode))
