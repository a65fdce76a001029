/** Runs a command line in this process and keeps what it wrote and what it would have ended with. */
import type { CliIo } from '../../src/cli/io.ts'
import { runCommandLine } from '../../src/cli/program.ts'

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function runMillrace(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  let [code, stdout, stderr] = [0, '', '']
  const io: CliIo = {
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
    env,
    cwd: process.cwd(),
    setExitCode: wanted => {
      code = Math.max(code, wanted)
    },
    onSignal: () => () => {},
  }
  await runCommandLine(args, io)
  return { code, stdout, stderr }
}
