/** Reads what was learned at the start and writes it from time to time and at the end. A failure is told and changes nothing. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Timer } from '../../core/clock.ts'
import type { Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { AdaptiveSamplerConfig } from './config.ts'
import { collect, type Learned, restore } from './learned.ts'
import type { SamplerMeter } from './metrics.ts'
import { StateFile } from './state-file.ts'

export type StorageConfig = NonNullable<AdaptiveSamplerConfig['storage']>

/** By path: the keeper that writes there now, which a successor asks to write once more. */
const writers = new Map<string, Keeper>()

export class Keeper {
  readonly #context: CreateContext<AdaptiveSamplerConfig>
  readonly #storage: StorageConfig
  readonly #meter: SamplerMeter
  readonly #file: StateFile
  #learned: Learned | null = null
  #timer: Timer | null = null
  #host: Host | null = null
  /** When the state was last written; 0 for never. */
  savedAtMs = 0

  constructor(
    context: CreateContext<AdaptiveSamplerConfig>,
    storage: StorageConfig,
    meter: SamplerMeter,
  ) {
    this.#context = context
    this.#storage = storage
    this.#meter = meter
    this.#file = new StateFile(storage.directory, context.id)
  }

  /** Names of what was taken over. Rejects where the folder cannot be used. */
  async read(learned: Learned): Promise<readonly string[]> {
    await writers.get(this.#file.path)?.save()
    const saved = await this.#file.read()
    if (saved === 'missing') return []
    if (saved === 'unusable') return this.#leaveAlone('it is cut, changed or something else')
    const age = this.#context.clock.now() - saved.savedAtMs
    if (age > this.#storage.max_age) return this.#leaveAlone('it is older than max_age')
    const taken = restore(learned, saved.blocks)
    return taken.length > 0 ? taken : this.#leaveAlone('another version wrote it')
  }

  #leaveAlone(reason: string): readonly string[] {
    this.#context.log.warn('sampler_state_left_alone', { path: this.#file.path, reason })
    return []
  }

  /** Writes from now on, instead of a predecessor. */
  start(learned: Learned, host: Host): void {
    this.#learned = learned
    this.#host = host
    writers.set(this.#file.path, this)
    const { interval } = this.#storage
    this.#timer = this.#context.clock.every(interval, () => void this.save())
  }

  async save(): Promise<void> {
    if (this.#learned === null) return
    const { clock, log, id } = this.#context
    try {
      const nowMs = clock.now()
      const blocks = new Map<string, Uint8Array>()
      for (const block of collect(this.#learned)) {
        if (block !== undefined) blocks.set(...block)
        await nextTurn()
      }
      await this.#file.write(nowMs, blocks)
      this.savedAtMs = nowMs
      this.#meter.saved.success.value++
      this.#host?.reportStatus(id, 'ok')
    } catch (error) {
      const detail = `the state cannot be written: ${(error as Error).message}`
      this.#meter.saved.failure.value++
      log.error('sampler_state_not_written', { path: this.#file.path, detail })
      this.#host?.reportStatus(id, 'recoverable_error', detail)
    }
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    // A successor has more recent knowledge.
    if (writers.get(this.#file.path) === this) {
      await this.save()
      writers.delete(this.#file.path)
    }
    this.#learned = null
  }
}
