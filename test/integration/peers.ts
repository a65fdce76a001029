/**
 * Real neighbours for integration tests, built or installed once into a cache outside the tree (`MILLRACE_PEERS`,
 * default `~/.cache/millrace-peers`): the Go collector by its own builder, its OTTL, the Python SDK in a virtual environment, h2spec.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CACHE, PeerError, run } from './peer-cache.ts'

const COLLECTOR = 'v0.158.0'
const PYTHON_SDK = ['opentelemetry-sdk', 'opentelemetry-exporter-otlp']

/** Path of the Go collector; builds it when there is none in the cache that has all that is asked for. */
export function goCollector(extensions: readonly string[] = []): string {
  const binaries = ['otelcol', 'otelcol-millrace'].map(name => join(CACHE, 'bin', name))
  const found = binaries.find(binary => existsSync(binary) && hasAll(binary, extensions))
  if (found !== undefined) return found
  try {
    return buildCollector(binaries[1])
  } catch (error) {
    throw new PeerError('go_collector', 'go 1.26 with its module proxy', error)
  }
}

function buildCollector(binary: string): string {
  const bin = join(CACHE, 'bin')
  mkdirSync(bin, { recursive: true })
  const env = { ...process.env, GOBIN: bin, GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }
  run('go', ['install', `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR}`], { env })
  writeFileSync(join(CACHE, 'builder.yaml'), builderConfig(join(CACHE, 'otelcol')))
  run(join(bin, 'builder'), ['--config', join(CACHE, 'builder.yaml')], { env })
  run('cp', [join(CACHE, 'otelcol', 'otelcol'), binary])
  return binary
}

const CORE = 'go.opentelemetry.io/collector'
const CONTRIB = 'github.com/open-telemetry/opentelemetry-collector-contrib'
const PROCESSORS = [
  `${CORE}/processor/batchprocessor`,
  `${CONTRIB}/processor/filterprocessor`,
  `${CONTRIB}/processor/transformprocessor`,
  `${CONTRIB}/processor/probabilisticsamplerprocessor`,
  `${CONTRIB}/processor/tailsamplingprocessor`,
]
const EXPORTERS = [
  `${CORE}/exporter/otlpexporter`,
  `${CORE}/exporter/otlphttpexporter`,
  `${CORE}/exporter/debugexporter`,
  `${CONTRIB}/exporter/fileexporter`,
]

/** For `goCollector`: identity on both sides, and queues on disk. */
export const GO_EXTENSIONS = [
  `${CONTRIB}/extension/storage/filestorage`,
  `${CONTRIB}/extension/basicauthextension`,
  `${CONTRIB}/extension/bearertokenauthextension`,
  `${CONTRIB}/extension/headerssetterextension`,
]

/** For `goCollector`: Zipkin on both sides. */
export const GO_ZIPKIN = [
  `${CONTRIB}/receiver/zipkinreceiver`,
  `${CONTRIB}/exporter/zipkinexporter`,
]

/** For `goCollector`: Jaeger, which only comes in. */
export const GO_JAEGER = [`${CONTRIB}/receiver/jaegerreceiver`]

/** For `goCollector`: Kafka on both sides. */
export const GO_KAFKA = [`${CONTRIB}/receiver/kafkareceiver`, `${CONTRIB}/exporter/kafkaexporter`]

/** For `goCollector`: metrics from spans. */
export const GO_SPANMETRICS = [`${CONTRIB}/connector/spanmetricsconnector`]

/** For `goCollector`: many backends. */
export const GO_LOADBALANCING = [`${CONTRIB}/exporter/loadbalancingexporter`]

/** A collector that somebody else has put there may lack components. */
function hasAll(binary: string, extensions: readonly string[]): boolean {
  const listed = execFileSync(binary, ['components'], { encoding: 'utf8', timeout: 30_000 })
  const wanted = [...PROCESSORS, ...EXPORTERS, ...extensions]
  return wanted.every(module => listed.includes(`${module} ${COLLECTOR}`))
}

function builderConfig(output: string): string {
  const core = CORE
  const mods = (modules: readonly string[]): string =>
    modules.map(module => `  - gomod: ${module} ${COLLECTOR}`).join('\n')
  return `dist: {name: otelcol, output_path: ${output}}
receivers:
${mods([`${CORE}/receiver/otlpreceiver`, GO_ZIPKIN[0], ...GO_JAEGER, GO_KAFKA[0]])}
processors:
${mods(PROCESSORS)}
exporters:
${mods([...EXPORTERS, GO_ZIPKIN[1], GO_KAFKA[1], ...GO_LOADBALANCING])}
connectors:
${mods(GO_SPANMETRICS)}
extensions:
${mods(GO_EXTENSIONS)}
providers:
  - gomod: ${core}/confmap/provider/envprovider v1.64.0
  - gomod: ${core}/confmap/provider/yamlprovider v1.64.0
  - gomod: ${core}/confmap/provider/fileprovider v1.64.0
`
}

/**
 * Path of the reference's OTTL as a program that answers JSON lines. It is built from the folder of tools that stands
 * beside the data of the conformance run (`MILLRACE_TOOLS`, default `../shared/tools`); undefined without that.
 */
export function ottlOracle(): string | undefined {
  const binary = join(CACHE, 'bin', 'ottl-oracle')
  if (existsSync(binary)) return binary
  const source = resolve(process.env.MILLRACE_TOOLS ?? '../shared/tools', 'ottl-oracle')
  if (!existsSync(source)) return undefined
  mkdirSync(join(CACHE, 'bin'), { recursive: true })
  const env = { ...process.env, CGO_ENABLED: '0' }
  try {
    run('go', ['build', '-C', source, '-o', binary, '.'], { env })
  } catch (error) {
    throw new PeerError('ottl_oracle', 'go 1.26 with its module proxy', error)
  }
  return binary
}

/** The Python of a virtual environment that has the OpenTelemetry SDK and its OTLP exporters. */
export function pythonWithSdk(): string {
  const home = join(CACHE, 'python-sdk')
  const python = join(home, 'bin', 'python')
  if (existsSync(join(home, 'ready'))) return python
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  try {
    run('python3', ['-m', 'venv', home])
    run(python, [...pip, ...PYTHON_SDK])
  } catch (error) {
    throw new PeerError('python_sdk', 'python3 with venv, and PyPI', error)
  }
  writeFileSync(join(home, 'ready'), '')
  return python
}

/** Path of h2spec, the HTTP/2 conformance suite. */
export function h2spec(): string {
  const binary = join(CACHE, 'bin', 'h2spec')
  if (existsSync(binary)) return binary
  mkdirSync(join(CACHE, 'bin'), { recursive: true })
  const env = { ...process.env, GOBIN: join(CACHE, 'bin'), CGO_ENABLED: '0' }
  try {
    run('go', ['install', 'github.com/summerwind/h2spec/cmd/h2spec@latest'], { env })
  } catch (error) {
    throw new PeerError('h2spec', 'go with its module proxy', error)
  }
  return binary
}
