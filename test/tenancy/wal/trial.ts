/**
 * A queue beside a list that says what it must hold: both are driven by the same steps, through crashes, and compared. An
 * append that was not answered when the process died may be there or not; one that failed may not.
 */
import assert from 'node:assert/strict'
import type { EntryId } from '../../../src/core/storage.ts'
import type { WalOptions } from '../../../src/tenancy/wal/storage.ts'
import { settle } from '../../../src/testing/fakes.ts'
import { afterCrash, type Bench, contentOf, entry, openBench, uidOf } from './kit.ts'
import type { MemoryFs } from './memory-fs.ts'

export type Step =
  | { readonly kind: 'append'; readonly bytes: number }
  | { readonly kind: 'burst'; readonly count: number; readonly bytes: number }
  | { readonly kind: 'take' }
  | { readonly kind: 'acknowledge'; readonly which: number }
  | { readonly kind: 'putBack'; readonly which: number }
  | { readonly kind: 'read'; readonly which: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'crash'; readonly power: boolean; readonly seed: number }

/**
 * - `asked`: not answered yet.
 * - `stored`, `taken`: in the queue.
 * - `ended`: acknowledged, which a crash may undo.
 * - `failed`: the caller was told so.
 * - `lost`: a power failure took it, which the policy allowed.
 */
type State = 'asked' | 'stored' | 'taken' | 'ended' | 'failed' | 'lost'

/** Turns of the event loop in which nothing is answered before a step is given up. */
const PATIENCE = 400

export class Trial {
  readonly #options: Partial<WalOptions>
  bench: Bench
  /** By uid, in the order of asking. */
  readonly #states: State[] = []
  readonly #sizes: number[] = []
  readonly #ids = new Map<number, EntryId>()
  #taken: number[] = []
  /** Since the last crash: what failed may be there, since the disk did not let it be taken back. */
  mayFailedAppear = false

  private constructor(bench: Bench, options: Partial<WalOptions>) {
    this.bench = bench
    this.#options = options
  }

  static async begin(options: Partial<WalOptions> & { fs?: MemoryFs } = {}): Promise<Trial> {
    const { fs: _, ...rest } = options
    return new Trial(await openBench(options), rest)
  }

  get storedCount(): number {
    return this.#states.filter(state => state === 'stored' || state === 'taken').length
  }

  get failedCount(): number {
    return this.#states.filter(state => state === 'failed').length
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'append':
        return await this.#append([step.bytes])
      case 'burst':
        return await this.#append(Array.from({ length: step.count }, () => step.bytes))
      case 'take':
        return this.#take()
      case 'acknowledge':
        return this.#end(step.which)
      case 'putBack':
        return this.#putBack(step.which)
      case 'read':
        return await this.#read(step.which)
      case 'pass':
        return await this.#pass(step.ms)
      case 'reopen':
        return await this.#reopen()
      case 'crash':
        return await this.crash(step.power ? 'power' : 'process', step.seed)
    }
  }

  /** The process dies as it is, and the next one finds what it finds. */
  async crash(kind: 'process' | 'power', seed = 1): Promise<void> {
    this.bench = await afterCrash(this.bench, kind, this.#options, seed)
    await this.#compare(kind === 'process' || (this.#options.fsync ?? 'always') === 'always')
  }

  async #append(sizes: readonly number[]): Promise<void> {
    const answers = sizes.map(async bytes => {
      const uid = this.#states.length
      this.#states.push('asked')
      this.#sizes.push(Math.max(4, bytes))
      const answer = await this.bench.queue.append(entry(uid, bytes))
      if (answer.kind === 'stored') {
        this.#states[uid] = 'stored'
        this.#ids.set(uid, answer.id)
      } else {
        assert.ok(answer.retryAfterMs > 0)
        this.#states[uid] = 'failed'
      }
    })
    await patiently(Promise.all(answers))
    this.#count()
  }

  #take(): void {
    const uid = this.#states.indexOf('stored')
    const next = this.bench.queue.next()
    assert.equal(next?.id, uid < 0 ? undefined : this.#ids.get(uid), 'the oldest comes next')
    if (next === null) return
    assert.equal(next.byteLength, this.#sizes[uid])
    assert.equal(next.items, (uid % 7) + 1)
    this.#states[uid] = 'taken'
    this.#taken.push(uid)
  }

  #end(which: number): void {
    const uid = this.#pick(which)
    if (uid === null) return
    this.bench.queue.acknowledge(this.#ids.get(uid)!)
    this.#states[uid] = 'ended'
    this.#count()
  }

  #putBack(which: number): void {
    const uid = this.#pick(which)
    if (uid === null) return
    this.bench.queue.putBack(this.#ids.get(uid)!)
    this.#states[uid] = 'stored'
  }

  async #read(which: number): Promise<void> {
    if (this.#taken.length === 0) return
    const uid = this.#taken[which % this.#taken.length]
    const found = await patiently(
      this.bench.queue.read(this.#ids.get(uid)!, bytes => Buffer.alloc(bytes)),
    )
    if (found === null) return
    if (found.kind === 'entry') {
      assert.deepEqual(Buffer.from(found.bytes), contentOf(uid, this.#sizes[uid]))
      return
    }
    this.#taken.splice(this.#taken.indexOf(uid), 1)
    assert.equal(found.kind, 'failed', 'nothing is damaged')
    this.#states[uid] = 'stored'
  }

  async #pass(ms: number): Promise<void> {
    await this.bench.services.clock.advance(ms)
    for (let i = 0; i < 40; i++) await settle()
  }

  async #reopen(): Promise<void> {
    await patiently(this.bench.storage.stop())
    this.bench = await openBench({ fs: this.bench.fs, ...this.#options })
    await this.#compare(true)
  }

  #pick(which: number): number | null {
    if (this.#taken.length === 0) return null
    return this.#taken.splice(which % this.#taken.length, 1)[0]
  }

  #count(): void {
    const { queue } = this.bench
    assert.equal(queue.entries, this.storedCount)
    let items = 0
    for (const [uid, state] of this.#states.entries()) {
      if (state === 'stored' || state === 'taken') items += (uid % 7) + 1
    }
    assert.equal(queue.items, items)
  }

  /** Looks at all that was found; afterwards the list says what was found. */
  async #compare(isAllPromised: boolean): Promise<void> {
    const { queue } = this.bench
    const found: number[] = []
    const ids = new Map<number, EntryId>()
    // What was cut off may look like damage, and is none of what was promised.
    let mayBeDamaged = this.#states.filter(state => state === 'asked').length
    for (let next = queue.next(); next !== null; next = queue.next()) {
      const read = await queue.read(next.id, bytes => Buffer.alloc(bytes))
      if (read.kind !== 'entry') {
        assert.ok(!isAllPromised || mayBeDamaged-- > 0, JSON.stringify(read))
        continue
      }
      const uid = uidOf(read.bytes)
      assert.deepEqual(Buffer.from(read.bytes), contentOf(uid, this.#sizes[uid]))
      ids.set(uid, next.id)
      found.push(uid)
    }
    assert.deepEqual(
      found,
      [...new Set(found)].sort((a, b) => a - b),
      'in order, each once',
    )
    for (const [uid, state] of this.#states.entries()) {
      const isThere = ids.has(uid)
      if (state === 'stored' || state === 'taken') {
        assert.ok(isThere || !isAllPromised, `${uid} was stored and is missing`)
        if (!isThere) this.#states[uid] = 'lost'
      } else if (state === 'failed' || state === 'lost') {
        const isAllowed = state === 'lost' || this.mayFailedAppear || !isAllPromised
        assert.ok(!isThere || isAllowed, `${uid} had failed and is there`)
      }
      if (state === 'asked' && !isThere) this.#states[uid] = 'lost'
    }
    for (const [uid, id] of ids) {
      this.#states[uid] = 'stored'
      this.#ids.set(uid, id)
      queue.putBack(id)
    }
    this.#taken = []
    this.#count()
  }
}

/** Null when it does not end: the disk never answers after a crash. */
async function patiently<T>(work: Promise<T>): Promise<T | null> {
  let result: { value: T } | null = null
  let failure: { error: unknown } | null = null
  work.then(
    value => (result = { value }),
    error => (failure = { error }),
  )
  for (let i = 0; i < PATIENCE && result === null && failure === null; i++) await settle()
  if (failure !== null) throw (failure as { error: unknown }).error
  return (result as { value: T } | null)?.value ?? null
}
