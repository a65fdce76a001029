/** Finds a TensorFlow.js back end, if one is asked for: the native one where the user installed it, else WebAssembly. */
import { createRequire } from 'node:module'
import util from 'node:util'

export type Library = typeof import('./library.ts')

/** What scoring needs; the native package has it too. */
export type Tensors = Pick<Library, 'fused' | 'tensor1d' | 'tensor2d'>

export interface TensorBackend {
  readonly name: 'native' | 'wasm'
  readonly tensors: Tensors
}

const NATIVE_PACKAGE = '@tensorflow/tfjs-node'

/** What is imported; replaced by tests. */
export interface TensorSources {
  native(): Promise<Tensors>
  wasm(): Promise<Library>
}

export const TENSOR_SOURCES: TensorSources = {
  async native() {
    restoreRemovedUtil()
    const found = (await import(NATIVE_PACKAGE)) as { readonly default?: Tensors } & Tensors
    return found.default ?? found
  },
  wasm: () => import('./library.ts'),
}

/** Null where it cannot be had; `tell` hears why. */
export async function loadNative(
  tell: (why: string) => void,
  sources: TensorSources = TENSOR_SOURCES,
): Promise<TensorBackend | null> {
  try {
    return { name: 'native', tensors: await sources.native() }
  } catch (error) {
    tell(`${NATIVE_PACKAGE}: ${reasonOf(error)}`)
    return null
  }
}

export async function loadWasm(
  tell: (why: string) => void,
  sources: TensorSources = TENSOR_SOURCES,
): Promise<TensorBackend | null> {
  try {
    const library = await sources.wasm()
    if (await library.startWasm()) return { name: 'wasm', tensors: library }
    tell('the WebAssembly back end of TensorFlow.js does not run here')
  } catch (error) {
    tell(`TensorFlow.js: ${reasonOf(error)}`)
  }
  return null
}

/** Whether the native package is there, without loading it. */
export function isNativeInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve(NATIVE_PACKAGE)
    return true
  } catch {
    return false
  }
}

/** The native package calls a function that Node 23 took away. */
function restoreRemovedUtil(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean }
  legacy.isNullOrUndefined ??= value => value === null || value === undefined
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0] : String(error)
}
