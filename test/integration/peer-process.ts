/** Servers of other people as child processes: started with a folder of their own, asked until they are ready, ended by their pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../harness/process.ts'

/** Where a test, or the whole of a file (`{ after }` of node:test), leaves what is to be closed. */
export interface Scope {
  after(close: () => unknown): void
}

/** A Java server needs 6 s on an idle machine, and a minute on one that compiles beside it. */
const START_MS = 120_000
const STOP_MS = 15_000
const SHOWN_CHARS = 4000

const LIVING = new Set<ChildProcess>()
const FOLDERS = new Set<string>()
process.once('exit', () => {
  for (const child of LIVING) child.kill('SIGKILL')
  for (const folder of FOLDERS) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})
// A run that takes too long is ended by these; what it started must not stay.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))

export interface ServerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Asked again and again until it says yes; is given what was printed since the start. */
  isReady(output: string): boolean | Promise<boolean>
}

export class PeerProcess {
  readonly #options: ServerOptions
  #child: ChildProcess | null = null
  #output = ''

  constructor(options: ServerOptions) {
    this.#options = options
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output.slice(-SHOWN_CHARS)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it when it does not run; resolves when it is ready. */
  async start(): Promise<void> {
    if (this.#child !== null) return
    const { command, args, env = process.env, cwd, isReady } = this.#options
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd })
    this.#child = child
    this.#output = ''
    LIVING.add(child)
    let ended = ''
    child.once('error', error => (ended = error.message))
    child.once('exit', (code, signal) => {
      ended ||= `it ended with ${code ?? signal}`
      LIVING.delete(child)
      if (this.#child === child) this.#child = null
    })
    child.stdout.on('data', chunk => this.#print(chunk))
    child.stderr.on('data', chunk => this.#print(chunk))
    const answers = async (): Promise<boolean> => ended !== '' || (await isReady(this.#output))
    await eventually(answers, START_MS, `${command} is ready`).catch(error => {
      ended ||= (error as Error).message
    })
    if (ended === '') return
    await this.kill()
    throw new Error(`${command}: ${ended}\n${this.output}`)
  }

  /** SIGTERM, then SIGKILL; resolves when it is gone. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  #print(chunk: Buffer): void {
    this.#output = (this.#output + chunk).slice(-4 * SHOWN_CHARS)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await gone
    clearTimeout(timer)
  }
}

export function temporaryFolder(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-peer-'))
  FOLDERS.add(folder)
  t.after(() => {
    FOLDERS.delete(folder)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return folder
}

/** Whether a GET is answered well. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
