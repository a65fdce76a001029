// Builds dist/: the wire kernel by AssemblyScript's compiler, everything else by TypeScript's, both at once; then what is used
// of TensorFlow.js becomes one file, so that users need not install 96 MB of packages. Kernel and bundle are kept beside the
// installed packages and made anew only when they are older than their sources, their tools or this file.
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
const bundleSource = join(root, 'src/sampler/models/tensorflow/library.ts')
const keptBundle = join(root, 'node_modules/.cache/millrace/tensorflow.js')
const tensorPackages = ['core', 'layers', 'backend-wasm'].map(name =>
  require.resolve(`@tensorflow/tfjs-${name}/package.json`),
)

/** What CommonJS code inside of the bundle takes for granted. */
const COMMONJS_NAMES = `
import { createRequire as makeRequire$ } from 'node:module'
import { fileURLToPath as pathOf$ } from 'node:url'
import { dirname as folderOf$ } from 'node:path'
const require = makeRequire$(import.meta.url)
const __filename = pathOf$(import.meta.url)
const __dirname = folderOf$(__filename)
`

rmSync(dist, { recursive: true, force: true })
const codes = await Promise.all([
  buildKernel(join(dist, 'otlp/kernel/kernel.wasm')),
  run(require.resolve('typescript/bin/tsc'), ['-p', 'tsconfig.build.json']),
])
await bundleTensors(join(dist, 'sampler/models/tensorflow'))
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
  const inputs = readdirSync(sources).map(name => join(sources, name))
  return isNewer(kept, [...inputs, assemblyscript])
}

function isNewer(made, inputs) {
  if (!existsSync(made)) return false
  const all = [...inputs, fileURLToPath(import.meta.url)]
  return all.every(input => statSync(input).mtimeMs < statSync(made).mtimeMs)
}

/** The bundle stands where TypeScript's compiler put the file that it is made from, the WebAssembly files beside it. */
async function bundleTensors(folder) {
  if (!isNewer(keptBundle, [bundleSource, ...tensorPackages])) {
    const { build } = await import('esbuild')
    mkdirSync(dirname(keptBundle), { recursive: true })
    const made = `${keptBundle}.${process.pid}`
    await build({
      ...{ entryPoints: [bundleSource], outfile: made, bundle: true, minify: true },
      ...{ platform: 'node', format: 'esm', target: 'node20', legalComments: 'eof' },
      ...{ logLevel: 'error', banner: { js: COMMONJS_NAMES } },
      // Asked for only where Node has no fetch of its own.
      external: ['node-fetch'],
    })
    renameSync(made, keptBundle)
  }
  mkdirSync(folder, { recursive: true })
  copyFileSync(keptBundle, join(folder, 'library.js'))
  const wasm = join(dirname(tensorPackages.at(-1)), 'dist')
  // The threaded one is for browsers only; the library does not take it in Node.
  for (const name of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm']) {
    copyFileSync(join(wasm, name), join(folder, name))
  }
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
