/** The models of one sampler, by what the configuration names: those that decide, those that only score, the one that learns. */
import { Blend } from '../../sampler/models/blend.ts'
import { HeuristicModel } from '../../sampler/models/hand-made.ts'
import type { LiveNetwork } from '../../sampler/models/live-network.ts'
import type { Model } from '../../sampler/models/model.ts'
import { type OpenOptions, openModel, openNetwork, readSpec } from '../../sampler/models/open.ts'
import { ModelStore } from '../../sampler/models/store.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import type { AdaptiveSamplerConfig } from './config.ts'

export interface OpenedModels {
  /** The first is in charge. */
  readonly arms: readonly Model[]
  readonly shadows: readonly Model[]
  /** Undefined where no model is one. */
  readonly network: LiveNetwork | undefined
}

export async function openModels(
  config: AdaptiveSamplerConfig,
  tell: (what: string) => void,
): Promise<OpenedModels> {
  const { model, challengers, models_directory: directory, backend } = config
  const store = new ModelStore(directory)
  await store.requireThere()
  const opener = new Opener({ layout: VECTOR_NAMES, store, backend, tell })
  const arms = [await opener.open(model)]
  const shadows: Model[] = []
  for (const { model: spec, mode } of challengers) {
    const list = mode === 'split' ? arms : shadows
    list.push(await opener.open(spec))
  }
  return { arms, shadows, network: opener.network }
}

class Opener {
  readonly #options: OpenOptions
  /** The first one, which is the one that is tuned; a blend of the same version shares it. */
  network: LiveNetwork | undefined
  #version: string | undefined

  constructor(options: OpenOptions) {
    this.#options = options
  }

  async open(spec: string): Promise<Model> {
    const { name, version } = readSpec(spec)
    const { layout } = this.#options
    if (name === 'network') return this.#network(version)
    if (name !== 'blend') return openModel(spec, this.#options)
    return new Blend(new HeuristicModel(layout), await this.#network(version), layout)
  }

  async #network(version: string | undefined): Promise<LiveNetwork> {
    if (this.network !== undefined && this.#version === version) return this.network
    const network = await openNetwork(this.#options, version)
    if (this.network === undefined) {
      this.network = network
      this.#version = version
    }
    return network
  }
}
