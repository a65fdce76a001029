/** A storage that lives as long as the test: what is in it survives the exporters that open it. Fails when it is told to. */
import { DEFAULT_TENANT, type TenantId } from '../../../src/core/batch.ts'
import type { Component } from '../../../src/core/component.ts'
import type { Signal } from '../../../src/core/signal.ts'
import type {
  Appended,
  DeadLetters,
  EntryId,
  NewEntry,
  NewLetter,
  QueueStorage,
  ReadEntry,
  StoredEntry,
  StoredQueue,
  StoredQueues,
} from '../../../src/core/storage.ts'
import { settle } from '../../../src/testing/fakes.ts'

interface Record extends StoredEntry {
  readonly bytes: Uint8Array
  readonly context: NewEntry['context']
  isTaken: boolean
}

/** What the next appends or reads come to, instead of success. */
export interface Faults {
  append: Exclude<Appended, { kind: 'stored' }> | null
  read: Exclude<ReadEntry, { kind: 'entry' }> | null
  /** Items of the oldest untaken entries that each append throws out. */
  evict: boolean
}

export class FakeQueue implements StoredQueue {
  readonly tenant: TenantId
  readonly faults: Faults
  records: Record[] = []
  reads = 0
  limitBytes = 0
  #lastId = 0

  constructor(tenant: TenantId, faults: Faults) {
    this.tenant = tenant
    this.faults = faults
  }

  get entries(): number {
    return this.records.length
  }

  get items(): number {
    return this.records.reduce((sum, { items }) => sum + items, 0)
  }

  get bytes(): number {
    return this.records.reduce((sum, { byteLength }) => sum + byteLength + 40, 0)
  }

  async append({ chunks, ...entry }: NewEntry): Promise<Appended> {
    await settle()
    if (this.faults.append !== null) return this.faults.append
    let evictedItems = 0
    if (this.faults.evict) {
      const at = this.records.findIndex(record => !record.isTaken)
      if (at >= 0) evictedItems = this.records.splice(at, 1)[0].items
    }
    const id = ++this.#lastId
    this.records.push({ ...entry, id, bytes: Buffer.concat([...chunks]), isTaken: false })
    return { kind: 'stored', id, evictedItems }
  }

  next(): StoredEntry | null {
    const record = this.records.find(({ isTaken }) => !isTaken)
    if (record === undefined) return null
    record.isTaken = true
    return { id: record.id, items: record.items, byteLength: record.byteLength }
  }

  async read(id: EntryId, allocate: (bytes: number) => Uint8Array): Promise<ReadEntry> {
    this.reads++
    await settle()
    const { read } = this.faults
    const record = this.#taken(id)
    if (read?.kind === 'damaged') this.records = this.records.filter(each => each !== record)
    if (read?.kind === 'failed') record.isTaken = false
    if (read !== null) return read
    const bytes = allocate(record.byteLength)
    bytes.set(record.bytes)
    return { kind: 'entry', bytes, context: record.context }
  }

  putBack(id: EntryId): void {
    this.#taken(id).isTaken = false
  }

  acknowledge(id: EntryId): void {
    const record = this.#taken(id)
    this.records = this.records.filter(each => each !== record)
  }

  #taken(id: EntryId): Record {
    const record = this.records.find(each => each.id === id)
    if (record?.isTaken !== true) throw new Error(`entry ${id} is not taken`)
    return record
  }
}

export class FakeStorage implements QueueStorage, Component {
  readonly queueStorage = this
  readonly faults: Faults = { append: null, read: null, evict: false }
  readonly #queues = new Map<string, FakeQueue>()
  readonly letters: DeadLetters & { readonly put: (letter: NewLetter) => Promise<boolean> }
  readonly kept: NewLetter[] = []
  keepsLetters = true
  opened = 0

  constructor() {
    this.letters = {
      put: async letter => {
        await settle()
        if (this.keepsLetters) this.kept.push(letter)
        return this.keepsLetters
      },
    }
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async open(exporter: string, signal: Signal): Promise<StoredQueues> {
    this.opened++
    const prefix = `${exporter}/${signal}/`
    const found = [...this.#queues].filter(
      ([key, queue]) => key.startsWith(prefix) && queue.entries > 0,
    )
    // As if the process had come back: nobody has anything.
    for (const [, queue] of found) {
      for (const record of queue.records) record.isTaken = false
    }
    return {
      recovered: found.map(([, queue]) => queue.tenant),
      of: tenant => this.queue(exporter, signal, tenant),
      release: () => {},
      close: async () => void this.opened--,
    }
  }

  queue(exporter: string, signal: Signal, tenant: TenantId = DEFAULT_TENANT): FakeQueue {
    const key = `${exporter}/${signal}/${tenant}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = new FakeQueue(tenant, this.faults)
      this.#queues.set(key, queue)
    }
    return queue
  }
}
