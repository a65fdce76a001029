/** `millrace queue letters show`: one letter with its content. */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { visibleMetadata } from '../../core/visible-metadata.ts'
import { encodeJson } from '../../otlp/json/encode.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import { type CliIo, EXIT } from '../io.ts'
import { withQuery } from './filters.ts'
import type { ListedLetter } from './letters-ls.ts'
import { jsonText, plain, showBytes } from './table.ts'

export interface ShowOptions extends SocketOptions {
  readonly directory?: string
  readonly storage?: string
  readonly proto?: string
}

interface ShownLetter {
  readonly letter: ListedLetter
  readonly metadata: Readonly<Record<string, readonly string[]>>
  readonly bytes: Uint8Array
}

export async function showLetter(id: string, options: ShowOptions, io: CliIo): Promise<void> {
  const found = await askLetter(id, options, io)
  if (found === undefined) return
  const { letter, bytes } = found
  if (options.proto !== undefined) {
    await writeFile(resolve(io.cwd, options.proto), bytes, { flag: 'wx' })
    io.stderr.write(`${showBytes(bytes.length)} written to ${options.proto}\n`)
    return
  }
  const content = contentOf(found)
  if (options.json) {
    const { metadata } = found
    io.stdout.write(`${jsonText({ letter, metadata, ...content })}\n`)
    return
  }
  io.stderr.write(showHead(found))
  const text = 'request' in content ? jsonText(content.request) : content.base64
  io.stdout.write(`${text}\n`)
}

/** Undefined when everything is said already. */
async function askLetter(
  id: string,
  options: ShowOptions,
  io: CliIo,
): Promise<ShownLetter | undefined> {
  const { directory, storage, socket } = options
  if (directory === undefined) {
    const path = withQuery('/api/v1/letters/show', { id, storage })
    const reply = await askOrTell({ socket, json: false }, io, 'GET', path)
    if (reply === undefined) return undefined
    const { letter, metadata, base64 } = reply.body
    return { letter, metadata, bytes: Buffer.from(base64, 'base64') }
  }
  const { withFolder } = await import('./offline.ts')
  const { letter, box } = await withFolder(directory, io, async ({ letters }) => ({
    letter: await letters.read(id),
    box: letters.id,
  }))
  if (letter === null) {
    io.stderr.write(`there is no letter ${id}, or it is damaged\n`)
    io.setExitCode(EXIT.failed)
    return undefined
  }
  const metadata = visibleMetadata(letter.context)
  return { letter: { storage: box, ...letter.view }, metadata, bytes: letter.bytes }
}

/** OTLP/JSON of what is valid OTLP, and the bytes of what is not. */
function contentOf({ letter, bytes }: ShownLetter): { request: unknown } | { base64: string } {
  if (isWireFault(indexRequest(letter.signal, bytes))) {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
  return { request: JSON.parse(Buffer.from(encodeJson(letter.signal, bytes)).toString('utf8')) }
}

/** On stderr, so that stdout is the request alone. */
function showHead({ letter, metadata }: ShownLetter): string {
  const rows: (readonly [string, string])[] = [
    ['put aside', new Date(letter.atMs).toISOString()],
    ['by', `${letter.exporter}, for ${letter.tenant}`],
    ['reason', letter.reason],
    ['message', letter.message],
    ['holds', `${letter.items} items of ${letter.signal}, ${showBytes(letter.bytes)}`],
    ['services', letter.services.join(' ')],
    ['traces', letter.traceIds.join(' ')],
    ...Object.entries(metadata).map(([key, values]) => [key, values.join(', ')] as const),
  ]
  const lines = rows.filter(([, value]) => value !== '')
  const text = lines.map(([name, value]) => `  ${name.padEnd(12)}${plain(value)}`)
  return `letter ${letter.id} of ${letter.storage}\n${text.join('\n')}\n`
}
