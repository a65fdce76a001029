// Builds dist/: the wire kernel by AssemblyScript's compiler, everything else by TypeScript's, both at once. The kernel is
// kept beside the installed packages and compiled anew only when it is older than its sources, its compiler or this file.
import { spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const dist = join(root, 'dist')
const sources = join(root, 'src/otlp/kernel/assembly')
const kept = join(root, 'node_modules/.cache/millrace/kernel.wasm')
const assemblyscript = require.resolve('assemblyscript/package.json')

rmSync(dist, { recursive: true, force: true })
const codes = await Promise.all([
  buildKernel(join(dist, 'otlp/kernel/kernel.wasm')),
  run(require.resolve('typescript/bin/tsc'), ['-p', 'tsconfig.build.json']),
])
const main = join(dist, 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
process.exitCode = Math.max(...codes)

async function buildKernel(target) {
  const code = isUpToDate() ? 0 : await compileKernel()
  if (code !== 0) return code
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(kept, target)
  return 0
}

function isUpToDate() {
  if (!existsSync(kept)) return false
  const inputs = readdirSync(sources).map(name => join(sources, name))
  inputs.push(assemblyscript, fileURLToPath(import.meta.url))
  return inputs.every(input => statSync(input).mtimeMs < statSync(kept).mtimeMs)
}

/** Writes to a name of its own first, so that two builds at once never read half a file. */
async function compileKernel() {
  mkdirSync(dirname(kept), { recursive: true })
  const made = `${kept}.${process.pid}`
  const code = await run(join(dirname(assemblyscript), 'bin/asc.js'), [
    join(sources, 'index.ts'),
    ...['--outFile', made, '-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
  ])
  if (code === 0) renameSync(made, kept)
  return code
}

function run(script, args) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
    child.on('exit', code => resolve(code ?? 1))
  })
}
