/** How the loader chooses between WebAssembly and the JavaScript twin. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'

const SOURCE = new URL('../../../src/otlp/kernel/kernel.ts', import.meta.url).href
const BUILT = new URL('../../../dist/otlp/kernel/kernel.js', import.meta.url).href

const CASES = [
  ['WebAssembly unless told otherwise', SOURCE, {}, [], 'wasm'],
  ['WebAssembly in the built package', BUILT, {}, [], 'wasm'],
  ['JavaScript when MILLRACE_KERNEL is js', SOURCE, { MILLRACE_KERNEL: 'js' }, [], 'js'],
  ['JavaScript where there is no WebAssembly', BUILT, {}, ['--jitless'], 'js'],
] as const

for (const [title, module, env, flags, expected] of CASES) {
  test(`uses ${title}`, () => {
    const { stdout, stderr } = runKernel(module, env, flags)

    assert.equal(stdout, `${expected} 0`, stderr)
  })
}

/** A fresh process that names its kernel and indexes an empty request. */
function runKernel(module: string, env: object, flags: readonly string[]) {
  const program =
    `const { indexRequest, kernelName } = await import('${module}');` +
    "process.stdout.write(kernelName() + ' ' + indexRequest('logs', new Uint8Array(0)).items)"
  const loader = module.endsWith('.ts') ? ['--import', 'tsx'] : []
  const args = [...flags, ...loader, '--input-type=module', '-e', program]
  return spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}
