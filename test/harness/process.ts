/** Runs a collector (ours, or a neighbour) as a child process, waits until it listens, stops it by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** The built program, or another one that is to be tried. */
export const MAIN = process.env.MILLRACE_MAIN ?? `${ROOT}dist/main.js`

export interface Running {
  readonly child: ChildProcess
  /** Everything that was printed so far, both streams. */
  output(): string
  /** SIGTERM, then the exit code; SIGKILL after `withinMs`. */
  stop(withinMs?: number): Promise<number | null>
}

/** Starts `command` and resolves when `port` accepts connections; rejects with its output if it ends first. */
export async function startProcess(
  command: string,
  args: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let text = ''
  child.stdout.on('data', chunk => (text += chunk))
  child.stderr.on('data', chunk => (text += chunk))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => resolve(code))
  })
  const running: Running = {
    child,
    output: () => text,
    stop: withinMs => stopChild(child, ended, withinMs),
  }
  const early = ended.then(code => {
    throw new Error(`${command} ended with ${code} before it listened:\n${text}`)
  })
  early.catch(() => {})
  await Promise.race([waitForPort(port, 20_000, () => child.exitCode !== null), early])
  return running
}

export function startMillrace(
  yaml: string,
  port: number,
  extra: readonly string[] = [],
): Promise<Running> {
  return startProcess(process.execPath, [MAIN, '--config', `yaml:${yaml}`, ...extra], port)
}

async function stopChild(
  child: ChildProcess,
  ended: Promise<number | null>,
  withinMs = 10_000,
): Promise<number | null> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  const code = await ended
  clearTimeout(timer)
  return code
}

/** Polls: another process's listening cannot be subscribed to. Gives up when `hasEnded`. */
export async function waitForPort(
  port: number,
  withinMs: number,
  hasEnded: () => boolean = () => false,
): Promise<void> {
  const end = Date.now() + withinMs
  while (!hasEnded() && !(await accepts(port))) {
    if (Date.now() > end) throw new Error(`nothing listens on ${port} after ${withinMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Polls `check` until it is true; for what other processes do. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<void> {
  const end = Date.now() + withinMs
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
