/**
 * Real neighbours for integration tests, built or installed once into a cache outside the tree (`MILLRACE_PEERS`,
 * default `~/.cache/millrace-peers`): the Go collector by its own builder, the Python SDK in a virtual environment, h2spec.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const CACHE =
  process.env.MILLRACE_PEERS ?? process.env.PEERS ?? join(homedir(), '.cache', 'millrace-peers')
const COLLECTOR = 'v0.158.0'
const PYTHON_SDK = ['opentelemetry-sdk', 'opentelemetry-exporter-otlp']

/** Ten minutes: the Go collector takes two to compile. */
const BUILD_MS = 600_000

/** Path of the Go collector; builds it when it is not in the cache. */
export function goCollector(): string {
  const binary = join(CACHE, 'bin', 'otelcol')
  if (existsSync(binary)) return binary
  const bin = join(CACHE, 'bin')
  mkdirSync(bin, { recursive: true })
  const env = { ...process.env, GOBIN: bin, GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }
  run('go', ['install', `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR}`], env)
  writeFileSync(join(CACHE, 'builder.yaml'), builderConfig(join(CACHE, 'otelcol')))
  run(join(bin, 'builder'), ['--config', join(CACHE, 'builder.yaml')], env)
  run('cp', [join(CACHE, 'otelcol', 'otelcol'), binary], env)
  return binary
}

function builderConfig(output: string): string {
  const core = 'go.opentelemetry.io/collector'
  const mods = (names: readonly string[]): string =>
    names.map(name => `  - gomod: ${core}/${name} ${COLLECTOR}`).join('\n')
  return `dist: {name: otelcol, output_path: ${output}}
receivers:
${mods(['receiver/otlpreceiver'])}
processors:
${mods(['processor/batchprocessor'])}
exporters:
${mods(['exporter/otlpexporter', 'exporter/otlphttpexporter', 'exporter/debugexporter'])}
providers:
  - gomod: ${core}/confmap/provider/yamlprovider v1.64.0
  - gomod: ${core}/confmap/provider/fileprovider v1.64.0
`
}

/** Path of the reference's OTTL as a program that answers JSON lines; it may not be there. */
export function ottlOracle(): string {
  return join(CACHE, 'bin', 'ottl-oracle')
}

/** The Python of a virtual environment that has the OpenTelemetry SDK and its OTLP exporters. */
export function pythonWithSdk(): string {
  const home = join(CACHE, 'python-sdk')
  const python = join(home, 'bin', 'python')
  if (existsSync(join(home, 'ready'))) return python
  run('python3', ['-m', 'venv', home])
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PYTHON_SDK])
  writeFileSync(join(home, 'ready'), '')
  return python
}

/** Path of h2spec, the HTTP/2 conformance suite. */
export function h2spec(): string {
  const binary = join(CACHE, 'bin', 'h2spec')
  if (existsSync(binary)) return binary
  mkdirSync(join(CACHE, 'bin'), { recursive: true })
  run('go', ['install', 'github.com/summerwind/h2spec/cmd/h2spec@latest'], {
    ...process.env,
    GOBIN: join(CACHE, 'bin'),
    CGO_ENABLED: '0',
  })
  return binary
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env, timeout: BUILD_MS })
}
