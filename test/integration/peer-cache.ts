/**
 * Where real neighbours lie once they are built or downloaded: a cache outside the tree (`MILLRACE_PEERS`, default
 * `~/.cache/millrace-peers`). Says plainly what a machine lacks when one cannot be had.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

export const CACHE =
  process.env.MILLRACE_PEERS ?? process.env.PEERS ?? join(homedir(), '.cache', 'millrace-peers')

/** Ten minutes: the Go collector takes two to compile, Jaeger four. */
const FETCH_MS = 600_000
const SHOWN_CHARS = 600

/** A neighbour that this machine cannot have; `code` is `PEER_<NAME>_ABSENT`. */
export class PeerError extends Error {
  readonly code: string

  constructor(peer: string, needs: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const code = `PEER_${peer.toUpperCase()}_ABSENT`
    super(`${code}: ${peer} cannot be had here; it needs ${needs}. ${why.slice(0, SHOWN_CHARS)}`)
    this.code = code
  }
}

export interface PeerFetch {
  readonly peer: string
  /** In the cache; there exactly when all of it is. */
  readonly path: string
  /** In words: programs and servers that the fetch uses. */
  readonly needs: string
  /** Puts it together at `target`, in an empty folder of its own. */
  make(target: string): void
}

/**
 * The path of what is fetched on its first use. It is put together beside its place and moved there, so what one process
 * was killed at, or two do at once, is never taken for the whole.
 */
export function fetched({ peer, path, needs, make }: PeerFetch): string {
  const place = join(CACHE, path)
  if (existsSync(place)) return place
  mkdirSync(dirname(place), { recursive: true })
  const folder = mkdtempSync(join(CACHE, '.fetch-'))
  const target = join(folder, 'made')
  try {
    make(target)
    moveUnlessThere(target, place)
  } catch (error) {
    throw new PeerError(peer, needs, error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return place
}

function moveUnlessThere(from: string, place: string): void {
  try {
    renameSync(from, place)
  } catch (error) {
    if (!existsSync(place)) throw error
  }
}

/** Runs a program to its end; what it printed is in the error when that is not well. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): string {
  const { env = process.env, cwd } = options
  try {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
    return execFileSync(command, args, { stdio, env, cwd, timeout: FETCH_MS, encoding: 'utf8' })
  } catch (error) {
    const { stdout, stderr, message } = error as Error & Record<string, string | null>
    // Null when the program is not there.
    const said = `${(stdout ?? '').slice(-SHOWN_CHARS)}${(stderr ?? '').slice(-SHOWN_CHARS)}`
    throw new Error(`${message}\n${said}`)
  }
}

let hasJava = false

/** Servers from Maven Central run on it; their jars may lie in a cache that came from another machine. */
export function needJava(peer: string): void {
  if (hasJava) return
  try {
    run('java', ['-version'])
    hasJava = true
  } catch (error) {
    throw new PeerError(peer, 'java 17', error)
  }
}

/**
 * For `skip` of a test: what of the neighbours this machine cannot have, or false. In CI always false: there the test
 * runs, and fails by the same words.
 */
export function lacking(...peers: readonly (() => unknown)[]): string | false {
  if (isCi()) return false
  for (const peer of peers) {
    try {
      peer()
    } catch (error) {
      if (error instanceof PeerError) return error.message
      throw error
    }
  }
  return false
}

export function isCi(): boolean {
  return !['', '0', 'false'].includes(process.env.CI ?? '')
}
