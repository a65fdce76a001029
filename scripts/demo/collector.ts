/** A collector as any user starts it: a child process of the built program, healthy before anything is sent to it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
const HEALTH_TRIES = 150
const HEALTH_PAUSE_MS = 100
const STOP_TIMEOUT_MS = 15_000

export class CollectorProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = once(child, 'exit').then(([code]) => code as number | null)
  }

  /**
   * Resolves when `health` (a URL) answers; rejects when the process ends before that. `pipeline` is a file among the samples, its
   * variables come from `env`; the log goes to `logPath`.
   */
  static async start(
    pipeline: string,
    env: Readonly<Record<string, string>>,
    health: string,
    logPath: string,
  ): Promise<CollectorProcess> {
    const log = openSync(logPath, 'w')
    const args = [join(ROOT, 'dist/main.js'), '--config', join(ROOT, 'pipelines', pipeline)]
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    })
    const collector = new CollectorProcess(child)
    await collector.#untilHealthy(health, logPath)
    return collector
  }

  /** SIGTERM: it hands on what it holds. Resolves to the exit code; null if it had to be killed. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const code = await this.#exited
    clearTimeout(timer)
    return code
  }

  async #untilHealthy(health: string, logPath: string): Promise<void> {
    let exited = false
    void this.#exited.then(() => (exited = true))
    for (let i = 0; i < HEALTH_TRIES && !exited; i++) {
      const healthy = await fetch(health).then(
        answer => answer.ok,
        () => false,
      )
      if (healthy) return
      await new Promise(resolve => setTimeout(resolve, HEALTH_PAUSE_MS))
    }
    this.#child.kill('SIGKILL')
    throw new Error(`the collector did not become healthy; see ${logPath}`)
  }
}

/** The port that people know, unless something else has it. */
export async function usualPortOrOther(usual: number): Promise<number> {
  return (await tryPort(usual)) ?? (await tryPort(0))!
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  const listening = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!listening) return undefined
  const { port: found } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return found
}
