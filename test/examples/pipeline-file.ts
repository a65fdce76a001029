/** A file of `pipelines/` as a process of its own: on free ports, its backends named by the environment as its comment says. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, ROOT, type Running, startProcess } from '../harness/process.ts'

/** Where closing is left to: a test, or a lane of them. */
export interface Scope {
  after(close: () => unknown): void
}

const READY_MS = 20_000

export interface PipelineFile {
  readonly file: string
  /** Keys by which addresses are set to ports that the caller has chosen. */
  readonly listen?: Readonly<Record<string, number>>
  readonly sets?: Readonly<Record<string, string>>
  readonly env?: NodeJS.ProcessEnv
  readonly hasHealthCheck?: boolean
}

/** Resolves when the collector says that it has started. */
export async function startPipelineFile(t: Scope, wanted: PipelineFile): Promise<Running> {
  const { file, listen = {}, sets = {}, env = {}, hasHealthCheck = false } = wanted
  const [metrics, health] = await freePorts(2)
  const addresses = {
    ...listen,
    'service.telemetry.metrics.address': metrics,
    ...(hasHealthCheck && { 'extensions.health_check.endpoint': health }),
  }
  const args = [
    ...Object.entries(addresses).map(([key, port]) => `${key}=127.0.0.1:${port}`),
    ...Object.entries(sets).map(([key, value]) => `${key}=${value}`),
  ].flatMap(set => ['--set', set])
  const running = await startProcess(
    process.execPath,
    [MAIN, '--config', join(ROOT, 'pipelines', file), '--no-admin-socket', ...args],
    metrics,
    { ...process.env, MILLRACE_BACKEND_INSECURE: 'true', ...env },
  )
  t.after(() => running.stop())
  const hasStarted = (): boolean => running.output().includes('"event":"started"')
  await eventually(hasStarted, READY_MS, `${file} has started\n${running.output()}`)
  return running
}

export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-recipes-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}
