/**
 * The file system as the log sees it, so that tests can make each step of it fail. Calls of the hot path take callbacks, which
 * cost less than promises.
 */
import fs from 'node:fs'
import * as promises from 'node:fs/promises'

export type Done = (error: NodeJS.ErrnoException | null) => void
export type DoneBytes = (error: NodeJS.ErrnoException | null, bytes: number) => void

export interface WalFs {
  /** Creates what is not there when `mode` is `create`, and fails when it is there. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<number>
  close(fd: number): Promise<void>
  /** May write less than all. */
  writev(fd: number, chunks: readonly Uint8Array[], position: number, done: DoneBytes): void
  /** May read less than asked for; 0 at the end. */
  readv(fd: number, into: readonly Uint8Array[], position: number, done: DoneBytes): void
  /** Data and the length of the file. */
  sync(fd: number, done: Done): void
  /** Makes creations, renames and removals in a folder last. */
  syncFolder(path: string): Promise<void>
  truncate(fd: number, length: number): Promise<void>
  size(fd: number): Promise<{ length: number; allocated: number }>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Writes over the beginning of a file that is there, before it returns: for a process that is about to end. May throw. */
  overwriteNow(path: string, bytes: Uint8Array): void
  /** Removes an empty folder; rejects when it is not empty. */
  removeFolder(path: string): Promise<void>
  list(path: string): Promise<readonly { readonly name: string; readonly isFolder: boolean }[]>
  makeFolder(path: string, mode: number): Promise<void>
  freeBytes(path: string): Promise<number>
}

const OWNER_ONLY = 0o600
const FLAGS = { read: 'r', update: 'r+', create: 'wx+' } as const
/** What `stat` counts blocks in. */
const BLOCK_BYTES = 512

export const SYSTEM_FS: WalFs = {
  open: (path, mode) =>
    new Promise((resolve, reject) => {
      fs.open(path, FLAGS[mode], OWNER_ONLY, (error, fd) => (error ? reject(error) : resolve(fd)))
    }),
  close: fd =>
    new Promise((resolve, reject) => {
      fs.close(fd, error => (error ? reject(error) : resolve()))
    }),
  writev: (fd, chunks, position, done) => fs.writev(fd, chunks, position, done),
  readv: (fd, into, position, done) => fs.readv(fd, into, position, done),
  sync: (fd, done) => fs.fdatasync(fd, done),
  async syncFolder(path) {
    const folder = await promises.open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  truncate: (fd, length) =>
    new Promise((resolve, reject) => {
      fs.ftruncate(fd, length, error => (error ? reject(error) : resolve()))
    }),
  size: fd =>
    new Promise((resolve, reject) => {
      fs.fstat(fd, (error, stat) =>
        error
          ? reject(error)
          : resolve({ length: stat.size, allocated: stat.blocks * BLOCK_BYTES }),
      )
    }),
  rename: (from, to) => promises.rename(from, to),
  remove: path => promises.unlink(path),
  overwriteNow(path, bytes) {
    const fd = fs.openSync(path, 'r+')
    try {
      fs.writeSync(fd, bytes, 0, bytes.length, 0)
    } finally {
      fs.closeSync(fd)
    }
  },
  removeFolder: path => promises.rmdir(path),
  list: async path =>
    (await promises.readdir(path, { withFileTypes: true })).map(entry => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    })),
  makeFolder: async (path, mode) => {
    await promises.mkdir(path, { recursive: true, mode })
  },
  async freeBytes(path) {
    const { bavail, bsize } = await promises.statfs(path)
    return bavail * bsize
  },
}
