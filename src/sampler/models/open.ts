/** From the name in a configuration to a model that scores. Nothing heavy is loaded unless the name asks for it. */
import { MillraceError } from '../../errors.ts'
import { findNearest } from '../../util/nearest.ts'
import { Blend } from './blend.ts'
import { HalfSpaceTrees } from './half-space-trees.ts'
import { HeuristicModel, RulesModel } from './hand-made.ts'
import { IsolationForest } from './isolation-forest.ts'
import { LiveNetwork, type NetworkBuilder } from './live-network.ts'
import type { Model, VectorLayout } from './model.ts'
import { ModelStore, type StoredNetwork } from './store.ts'
import { isNativeInstalled, loadNative, loadWasm, type TensorBackend } from './tensorflow/load.ts'
import { TensorNetwork } from './tensorflow/network.ts'

export const MODEL_NAMES = [
  ...(['heuristic', 'rules', 'network', 'blend'] as const),
  ...(['isolation_forest', 'half_space_trees'] as const),
] as const

export type ModelName = (typeof MODEL_NAMES)[number]

/**
 * What scores networks. `auto`: the native library where it is installed, else plain arrays, which take no memory and are
 * ready at once; `wasm`: TensorFlow.js, for more traces than a thread can score otherwise.
 */
export const BACKENDS = ['auto', 'plain', 'wasm', 'native'] as const

export type Backend = (typeof BACKENDS)[number]

export interface OpenOptions {
  readonly layout: VectorLayout
  readonly store?: ModelStore
  readonly backend?: Backend
  readonly seed?: number
  /** Told why another back end is used than was asked for. */
  readonly tell?: (what: string) => void
}

/** `spec` is a name, with `@version` behind it where the model has weights. Throws where there is no such model. */
export async function openModel(spec: string, options: OpenOptions): Promise<Model> {
  const { name, version } = readSpec(spec)
  const { layout, seed } = options
  try {
    switch (name) {
      case 'rules':
        return new RulesModel(layout)
      case 'heuristic':
        return new HeuristicModel(layout)
      case 'isolation_forest':
        return new IsolationForest(layout, { seed })
      case 'half_space_trees':
        return new HalfSpaceTrees(layout, { seed })
      case 'network':
        return await openNetwork(options, version)
      case 'blend':
        return new Blend(new HeuristicModel(layout), await openNetwork(options, version), layout)
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new MillraceError('MILLRACE_MODEL_INVALID', `${spec}: ${error.message}.`)
  }
}

/** Throws a MillraceError unless it names a model. */
export function readSpec(spec: string): {
  readonly name: ModelName
  readonly version: string | undefined
} {
  const at = spec.indexOf('@')
  const name = at < 0 ? spec : spec.slice(0, at)
  const version = at < 0 ? undefined : spec.slice(at + 1)
  const known = MODEL_NAMES.find(candidate => candidate === name)
  const weighted = known === 'network' || known === 'blend'
  if (known !== undefined && (version === undefined || weighted)) return { name: known, version }
  const nearest = findNearest(name, MODEL_NAMES)
  const advice =
    known !== undefined
      ? `${name} has no versions`
      : nearest === undefined
        ? `there are ${MODEL_NAMES.join(', ')}`
        : `did you mean "${nearest}"?`
  throw new MillraceError('MILLRACE_MODEL_UNKNOWN', `"${spec}"; ${advice}`)
}

/** The network of the store, ready for swaps; the version that is live there if none is named. */
export async function openNetwork(options: OpenOptions, version?: string): Promise<LiveNetwork> {
  const stored = await (options.store ?? new ModelStore()).read('network', version)
  const build = await builderOf(options)
  return new LiveNetwork(options.layout, firstVersion(stored), build)
}

function firstVersion({ manifest, weights }: StoredNetwork) {
  return { version: manifest.version, weights, sinceMs: Date.parse(manifest.created) }
}

/** Undefined: the plain way. */
async function builderOf(options: OpenOptions): Promise<NetworkBuilder | undefined> {
  const backend = await findBackend(options.backend ?? 'auto', options.tell ?? (() => {}))
  if (backend === null) return undefined
  return (version, weights) =>
    new TensorNetwork('network', version, weights, options.layout, backend)
}

async function findBackend(
  wanted: Backend,
  tell: (what: string) => void,
): Promise<TensorBackend | null> {
  if (wanted === 'wasm') return loadWasm(tell)
  if (wanted === 'native') return (await loadNative(tell)) ?? loadWasm(tell)
  return wanted === 'auto' && isNativeInstalled() ? loadNative(tell) : null
}
