/** `millrace generate`: sends invented but realistic OTLP at a chosen rate and says what became of it. */
import type { Command } from 'commander'
import { MillraceError } from '../errors.ts'
import type { LoadFlags } from './generate/options.ts'
import { type CliIo, EXIT } from './io.ts'

export function register(program: Command, io: CliIo): void {
  program
    .command('generate')
    .description('Sends generated telemetry to an OTLP receiver: a load generator.')
    .option('--signal <name>', 'traces, metrics, logs, or all in turn', 'traces')
    .option('--rate <n>', 'items a second; 0 is as fast as answers come', '0')
    .option('--count <n>', 'stop after so many items')
    .option('--duration <time>', 'stop after so long (10s if neither bound is given)')
    .option('--items <n>', 'spans, data points or log records a request', '100')
    .option('--protocol <name>', 'grpc, http (protobuf) or http-json', 'grpc')
    .option('--endpoint <address>', 'host:port or URL (localhost:4317 for grpc, else :4318)')
    .option('--compression <name>', 'none, gzip, or zstd (HTTP only)', 'none')
    .option('--seed <n>', 'the same seed makes the same telemetry', '1')
    .option('--connections <n>', 'connections to open', '1')
    .option('--in-flight <n>', 'requests that may wait for their answer, in all', '4')
    .option('--header <name=value>', 'header or metadata to send; may be repeated', collect, [])
    .option('--timeout <time>', 'how long to wait for an answer', '10s')
    .option('--insecure', 'speak without TLS, also to an https endpoint', false)
    .option('--tls', 'speak TLS also without https in the endpoint', false)
    .option('--insecure-skip-verify', "do not check the server's certificate", false)
    .option('--ca-file <path>', 'trusted authorities, PEM')
    .option('--cert-file <path>', 'own certificate, PEM')
    .option('--key-file <path>', 'private key of the certificate, PEM')
    .option('--json', 'print the result as JSON', false)
    .action(async (flags: LoadFlags & { readonly json: boolean }) => {
      await generate(flags, io)
    })
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

async function generate(flags: LoadFlags & { readonly json: boolean }, io: CliIo): Promise<void> {
  const { readLoadOptions } = await import('./generate/options.ts')
  const { startLoad } = await import('./generate/load.ts')
  const { progressLine, reportText } = await import('./generate/report-text.ts')
  const options = readOrSayUsage(() => readLoadOptions(flags), io)
  const load = await startLoad(options)
  const stopListening = [
    io.onSignal('SIGINT', () => load.stop()),
    io.onSignal('SIGTERM', () => load.stop()),
  ]
  const progress =
    io.stderr.isTTY === true
      ? setInterval(() => io.stderr.write(`\r${progressLine(load.report())}`), 1000)
      : undefined
  const report = await load.done
  clearInterval(progress)
  for (const stop of stopListening) stop()
  if (progress !== undefined) io.stderr.write('\n')
  io.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : reportText(report, options))
  if (report.items.accepted < report.items.sent) io.setExitCode(EXIT.failed)
  if (report.requests > 0 && report.items.failed === report.items.sent) {
    throw new MillraceError(
      'MILLRACE_GENERATE_NO_ANSWER',
      `${options.target}: ${report.lastFailure}`,
    )
  }
}

function readOrSayUsage<T>(read: () => T, io: CliIo): T {
  try {
    return read()
  } catch (cause) {
    io.setExitCode(EXIT.usage)
    throw cause
  }
}
