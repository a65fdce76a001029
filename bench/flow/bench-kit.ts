/** What flow benches about tenants and durability share: closing in order, generated load, waiting until a collector is done. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atEnd, type Scope, type Subject } from '../../test/faults/kit.ts'
import { freePorts } from '../../test/harness/ports.ts'
import { MAIN, ROOT, startProcess } from '../../test/harness/process.ts'

/** A collector that took less than this much of a processor over one interval is done. */
const IDLE_SHARE = 0.05
const IDLE_INTERVAL_MS = 200
const MOST_IDLE_WAIT_MS = 60_000

/** Runs a bench and closes what it opened, last first, also when it fails. */
export async function runBench(bench: (scope: Scope) => Promise<boolean>): Promise<void> {
  const closers: (() => unknown)[] = []
  try {
    const isWithinBars = await bench({ after: close => void closers.push(close) })
    if (!isWithinBars) process.exitCode = 1
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/** A destination that throws away what it takes; a process of its own. */
export async function startDiscardingSink(scope: Scope): Promise<number> {
  const [port] = await freePorts(1)
  const sink = await startProcess(
    process.execPath,
    ['--import', 'tsx', join(ROOT, 'bench/flow/sink.ts'), String(port), 'grpc'],
    port,
  )
  atEnd(scope, () => sink.stop())
  return port
}

export interface Generated {
  readonly seconds: number
  readonly items: { readonly accepted: number; readonly refused: number; readonly failed: number }
  readonly bytes: number
}

/** Traces over gRPC by `millrace generate`. */
export async function generate(port: number, more: readonly string[]): Promise<Generated> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[MAIN, 'generate', '--json', '--insecure', '--endpoint', `127.0.0.1:${port}`],
    ...['--signal', 'traces', ...more],
  ])
  return JSON.parse(stdout) as Generated
}

/** Resolves once the collector does next to nothing; the moment when it became so. */
export async function untilIdle(subject: Subject): Promise<number> {
  const endMs = performance.now() + MOST_IDLE_WAIT_MS
  for (;;) {
    const before = subject.cpuSeconds()
    const sinceMs = performance.now()
    await new Promise(resolve => setTimeout(resolve, IDLE_INTERVAL_MS))
    const share = (subject.cpuSeconds() - before) / ((performance.now() - sinceMs) / 1000)
    if (share < IDLE_SHARE) return sinceMs
    if (performance.now() > endMs) throw new Error('the collector does not come to rest')
  }
}

/** The most memory that a process ever had. */
export function peakRssMiB(subject: Subject): number {
  const status = readFileSync(`/proc/${subject.running.child.pid}/status`, 'latin1')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

/** One line of a table; the first cell is the title. */
export function printRow(title: string, cells: readonly (string | number)[]): void {
  console.log(title.padEnd(24) + cells.map(cell => String(cell).padStart(12)).join(''))
}
