/**
 * A file system in memory that fails on demand and forgets as disks do: a crash of the process keeps all that was written, a
 * power failure keeps what was synced and an arbitrary part of the rest, sector by sector.
 */
import { basename, dirname } from 'node:path'
import type { Done, DoneBytes, WalFs } from '../../../src/tenancy/wal/fs.ts'

export type FsOperation =
  | 'open'
  | 'create'
  | 'close'
  | 'write'
  | 'read'
  | 'sync'
  | 'syncFolder'
  | 'truncate'
  | 'size'
  | 'rename'
  | 'remove'
  | 'list'
  | 'makeFolder'

export interface Fault {
  readonly code: string
  /** Of a write or read: so many bytes are done. With code `SHORT` the call succeeds with them. */
  readonly bytes?: number
}

const SECTOR_BYTES = 512

class Node {
  bytes: Buffer = Buffer.alloc(0)
  synced: Buffer = Buffer.alloc(0)
}

export class MemoryFs implements WalFs {
  readonly #files = new Map<string, Node>()
  readonly #syncedNames = new Map<string, Node>()
  readonly #folders = new Set<string>()
  readonly #fds = new Map<number, { node: Node; path: string }>()
  #nextFd = 3
  /** Asked before each operation. */
  fault: (operation: FsOperation, path: string) => Fault | null = () => null
  /** Of all files together. */
  capacity = Number.POSITIVE_INFINITY
  /** How often each operation was called. */
  readonly calls = new Map<FsOperation, number>()
  /** The process dies after so many operations: the next one is not done, and nothing is answered any more. */
  diesAfter = Number.POSITIVE_INFINITY
  #isDead = false

  get openFiles(): number {
    return this.#fds.size
  }

  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  bytesOf(path: string): Buffer {
    return this.#node(path).bytes
  }

  /** Changes what is on disk behind the back of whoever wrote it. */
  setBytes(path: string, bytes: Buffer): void {
    const node = this.#files.get(path) ?? new Node()
    node.bytes = bytes
    node.synced = Buffer.from(bytes)
    this.#files.set(path, node)
    this.#syncedNames.set(path, node)
    for (let at = dirname(path); !this.#folders.has(at) && at !== '/'; at = dirname(at)) {
      this.#folders.add(at)
    }
  }

  /** What the next process finds. `random` decides, from 0 up to 1, what of the unsynced is there after a power failure. */
  crash(kind: 'process' | 'power', random: () => number): MemoryFs {
    this.#isDead = true
    const next = new MemoryFs()
    next.capacity = this.capacity
    for (const folder of this.#folders) next.#folders.add(folder)
    const names = kind === 'process' ? this.#files : this.#namesAfterPowerFailure(random)
    for (const [path, node] of names) {
      next.setBytes(path, kind === 'process' ? Buffer.from(node.bytes) : survivor(node, random))
    }
    return next
  }

  overwriteNow(path: string, bytes: Uint8Array): void {
    const node = this.#node(path)
    node.bytes = Buffer.concat([bytes, node.bytes.subarray(bytes.length)])
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<number> {
    await this.#check(mode === 'create' ? 'create' : 'open', path)
    let node = this.#files.get(path)
    if (mode === 'create') {
      if (node !== undefined) throw failure('EEXIST', path)
      if (!this.#folders.has(dirname(path))) throw failure('ENOENT', path)
      this.#files.set(path, (node = new Node()))
    }
    if (node === undefined) throw failure('ENOENT', path)
    const fd = this.#nextFd++
    this.#fds.set(fd, { node, path })
    return fd
  }

  async close(fd: number): Promise<void> {
    const { path } = this.#fd(fd)
    this.#fds.delete(fd)
    await this.#check('close', path)
  }

  writev(fd: number, chunks: readonly Uint8Array[], position: number, done: DoneBytes): void {
    const { node, path } = this.#fd(fd)
    const all = Buffer.concat(chunks)
    this.#later(() => {
      const fault = this.#ask('write', path)
      let bytes = Math.min(fault?.bytes ?? (fault === null ? all.length : 0), all.length)
      const grows = Math.max(0, position + bytes - allocated(node))
      const free = this.capacity - this.#used()
      const isFull = grows > free
      if (isFull) bytes = Math.max(0, bytes - (grows - free))
      if (bytes > 0) write(node, all.subarray(0, bytes), position)
      if (fault !== null && fault.code !== 'SHORT') done(failure(fault.code, path), 0)
      else if (isFull && bytes === 0) done(failure('ENOSPC', path), 0)
      else done(null, bytes)
    })
  }

  readv(fd: number, into: readonly Uint8Array[], position: number, done: DoneBytes): void {
    const { node, path } = this.#fd(fd)
    this.#later(() => {
      const fault = this.#ask('read', path)
      if (fault !== null && fault.code !== 'SHORT') {
        done(failure(fault.code, path), 0)
        return
      }
      let at = position
      let left = fault?.bytes ?? Number.POSITIVE_INFINITY
      for (const chunk of into) {
        const bytes = Math.max(0, Math.min(chunk.length, node.bytes.length - at, left))
        chunk.set(node.bytes.subarray(at, at + bytes))
        at += bytes
        left -= bytes
        if (bytes < chunk.length) break
      }
      done(null, at - position)
    })
  }

  sync(fd: number, done: Done): void {
    const { node, path } = this.#fd(fd)
    this.#later(() => {
      const fault = this.#ask('sync', path)
      if (fault === null) node.synced = Buffer.from(node.bytes)
      done(fault === null ? null : failure(fault.code, path))
    })
  }

  async syncFolder(path: string): Promise<void> {
    await this.#check('syncFolder', path)
    for (const [name, node] of this.#files) {
      if (dirname(name) === path) this.#syncedNames.set(name, node)
    }
    for (const name of [...this.#syncedNames.keys()]) {
      if (dirname(name) === path && !this.#files.has(name)) this.#syncedNames.delete(name)
    }
  }

  async truncate(fd: number, length: number): Promise<void> {
    const { node, path } = this.#fd(fd)
    await this.#check('truncate', path)
    const { bytes } = node
    node.bytes =
      length <= bytes.length
        ? Buffer.from(bytes.subarray(0, length))
        : Buffer.concat([bytes, Buffer.alloc(length - bytes.length)])
  }

  async size(fd: number): Promise<{ length: number; allocated: number }> {
    const { node, path } = this.#fd(fd)
    await this.#check('size', path)
    return { length: node.bytes.length, allocated: allocated(node) }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#check('rename', from)
    const node = this.#node(from)
    this.#files.delete(from)
    this.#files.set(to, node)
  }

  async remove(path: string): Promise<void> {
    await this.#check('remove', path)
    if (!this.#files.delete(path)) throw failure('ENOENT', path)
  }

  async removeFolder(path: string): Promise<void> {
    await this.#check('remove', path)
    if (this.paths().some(file => file.startsWith(`${path}/`))) throw failure('ENOTEMPTY', path)
    this.#folders.delete(path)
  }

  async list(path: string): Promise<readonly { name: string; isFolder: boolean }[]> {
    await this.#check('list', path)
    if (!this.#folders.has(path)) throw failure('ENOENT', path)
    const files = this.paths().filter(file => dirname(file) === path)
    const folders = [...this.#folders].filter(folder => dirname(folder) === path)
    return [
      ...files.map(file => ({ name: basename(file), isFolder: false })),
      ...folders.map(folder => ({ name: basename(folder), isFolder: true })),
    ]
  }

  async makeFolder(path: string): Promise<void> {
    await this.#check('makeFolder', path)
    for (let at = path; at !== '/'; at = dirname(at)) this.#folders.add(at)
  }

  async freeBytes(): Promise<number> {
    return this.capacity - this.#used()
  }

  #used(): number {
    let bytes = 0
    for (const node of this.#files.values()) bytes += allocated(node)
    return bytes
  }

  #namesAfterPowerFailure(random: () => number): Map<string, Node> {
    const names = new Map(this.#syncedNames)
    for (const path of this.#syncedNames.keys()) {
      if (!this.#files.has(path) && random() < 0.5) names.delete(path)
    }
    for (const [path, node] of this.#files) {
      if (!names.has(path) && random() < 0.5) names.set(path, node)
    }
    return names
  }

  #ask(operation: FsOperation, path: string): Fault | null {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1)
    return this.fault(operation, path)
  }

  /** Never settles in a dead process. */
  #check(operation: FsOperation, path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#later(() => {
        const fault = this.#ask(operation, path)
        if (fault === null) resolve()
        else reject(failure(fault.code, path))
      })
    })
  }

  get isDead(): boolean {
    return this.#isDead
  }

  #later(f: () => void): void {
    setImmediate(() => {
      this.#isDead ||= this.diesAfter-- <= 0
      if (!this.#isDead) f()
    })
  }

  #node(path: string): Node {
    const node = this.#files.get(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }

  #fd(fd: number): { node: Node; path: string } {
    const open = this.#fds.get(fd)
    if (open === undefined) throw failure('EBADF', String(fd))
    return open
  }
}

function write(node: Node, bytes: Buffer, position: number): void {
  const length = Math.max(node.bytes.length, position + bytes.length)
  // A new buffer: what was synced shares nothing with it.
  const next = Buffer.alloc(length)
  node.bytes.copy(next)
  bytes.copy(next, position)
  node.bytes = next
}

/** Zeros at the end are a hole. */
function allocated(node: Node): number {
  let length = node.bytes.length
  while (length > 0 && node.bytes[length - 1] === 0) length--
  return length
}

/** Each sector is as it was synced or as it was written last. */
function survivor(node: Node, random: () => number): Buffer {
  const length = random() < 0.5 ? node.bytes.length : node.synced.length
  const out = Buffer.alloc(Math.max(length, node.synced.length <= length ? length : 0))
  for (let at = 0; at < out.length; at += SECTOR_BYTES) {
    const from = random() < 0.5 ? node.bytes : node.synced
    const end = Math.min(at + SECTOR_BYTES, out.length)
    if (at >= from.length) continue
    from.copy(out, at, at, Math.min(end, from.length))
  }
  return out
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
