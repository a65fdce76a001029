/**
 * What is used of TensorFlow.js. The build makes this file one bundle with the WebAssembly files beside it; from source the
 * packages are read where they are installed. Imported dynamically only: it costs 100 ms and 50 MB.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import {
  add,
  div,
  fused,
  losses,
  mul,
  Reduction,
  ready,
  relu,
  setBackend,
  square,
  sub,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tidy,
  train,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'

export {
  add,
  div,
  fused,
  layers,
  losses,
  mul,
  Reduction,
  relu,
  sequential,
  square,
  sub,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tidy,
  train,
  type Variable,
  variableGrads,
}

const FAILURES = ['uncaughtException', 'unhandledRejection'] as const

/** Starts the WebAssembly back end; false where it does not run. */
export async function startWasm(): Promise<boolean> {
  setWasmPaths(wasmFolder())
  const before = FAILURES.map(event => process.listeners(event as 'uncaughtException'))
  try {
    if (!(await setBackend('wasm'))) return false
    await ready()
    return true
  } finally {
    // The glue puts itself in the way of failures of the whole process.
    for (const [i, event] of FAILURES.entries()) {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!before[i].includes(listener)) process.off(event, listener)
      }
    }
  }
}

function wasmFolder(): string {
  const beside = fileURLToPath(new URL('./tfjs-backend-wasm.wasm', import.meta.url))
  const path = existsSync(beside)
    ? beside
    : createRequire(import.meta.url).resolve(
        '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm',
      )
  return `${dirname(path)}/`
}
