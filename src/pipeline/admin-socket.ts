/**
 * The admin API over a Unix socket that only its owner can open: HTTP, so that `curl --unix-socket` works as well.
 * Everything about a request is bounded; it is answered beside the pipelines and never in their way.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { type AdminSubject, answerAdmin } from './admin-api.ts'

const MAX_BODY_BYTES = 65_536
const MAX_HEADER_BYTES = 8192
const MAX_CONNECTIONS = 8
const REQUEST_TIMEOUT_MS = 5000
const OWNER_ONLY = 0o177
const OWNER_FOLDER = 0o700
/** Longest path that the kernel takes (sun_path, with its end). */
const MAX_PATH_BYTES = 107

export class AdminSocket {
  readonly path: string
  readonly #server: Server

  private constructor(path: string, server: Server) {
    this.path = path
    this.#server = server
  }

  /** Rejects when the path is in use or is not ours alone. A socket that a dead process left is replaced. */
  static async open(path: string, inspector: AdminSubject): Promise<AdminSocket> {
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw new Error(`the path is longer than ${MAX_PATH_BYTES} bytes`)
    }
    mkdirSync(dirname(path), { recursive: true, mode: OWNER_FOLDER })
    checkOwner(dirname(path))
    await removeStale(path)
    const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      void answer(inspector, request, response)
    })
    server.maxConnections = MAX_CONNECTIONS
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.headersTimeout = REQUEST_TIMEOUT_MS
    server.keepAliveTimeout = 1
    await listen(server, path)
    server.unref()
    return new AdminSocket(path, server)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Who may write to the folder may put another socket in place of ours. Sticky ones such as /tmp are fine. */
function checkOwner(folder: string): void {
  const { uid, mode } = statSync(folder)
  const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  const isOthers = uid !== process.getuid?.() && uid !== 0
  if (isOpen || isOthers) throw new Error(`others may write to ${folder}`)
}

async function removeStale(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} is no socket`)
  const isAlive = await new Promise<boolean>(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    // Any other error is no sign of death: a process that is busy has a full queue, one of others refuses us.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
  if (isAlive) throw new Error(`another process listens on ${path}`)
  rmSync(path, { force: true })
}

/** The socket appears with the mode that it keeps. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(OWNER_ONLY)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        server.on('error', () => {})
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

async function answer(
  inspector: AdminSubject,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await readBody(request)
    const url = new URL(request.url ?? '/', 'http://admin')
    const { method = 'GET' } = request
    const { pathname: path, searchParams: query } = url
    const { status, body: json } = await answerAdmin(inspector, { method, path, query, body })
    send(response, status, json)
  } catch (error) {
    const isTheirs = error instanceof BadRequest
    const message = isTheirs ? error.message : 'the question could not be answered'
    send(response, isTheirs ? 400 : 500, { error: message })
  }
}

class BadRequest extends Error {}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    if (length > MAX_BODY_BYTES) throw new BadRequest('the body is too long')
    chunks.push(chunk as Buffer)
  }
  if (length === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new BadRequest('the body is not JSON')
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(text)
}
