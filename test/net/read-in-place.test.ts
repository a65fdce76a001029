import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import test from 'node:test'
import { connectInPlace, onChunk, readInPlace } from '../../src/net/read-in-place.ts'

async function startServer(accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function connectTo(server: Server): Socket {
  const { port } = server.address() as AddressInfo
  return connectInPlace({ host: '127.0.0.1', port })
}

/** Bytes that say where they stand. */
function pattern(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7) & 0xff))
}

test('carries bytes of many sockets both ways through one buffer, unmixed and in order', async t => {
  const server = await startServer(accepted => {
    const socket = readInPlace(accepted)
    assert.notEqual(socket, accepted)
    onChunk(socket, chunk => socket.write(Buffer.from(chunk)))
    socket.on('end', () => socket.end())
  })
  t.after(() => server.close())

  const echoes = await Promise.all(
    [1, 2, 3, 4].map(async seed => {
      const socket = connectTo(server)
      const got: Buffer[] = []
      onChunk(socket, chunk => got.push(Buffer.from(chunk)))
      socket.end(pattern(300_000, seed))
      await once(socket, 'close')
      return Buffer.concat(got)
    }),
  )

  for (const [i, echo] of echoes.entries()) assert.deepEqual(echo, pattern(300_000, i + 1))
})

test('tells who reads of the end of the peer, and the server of the end of the connection', async t => {
  let ended = 0
  const server = await startServer(accepted => {
    const socket = readInPlace(accepted)
    onChunk(socket, () => {})
    socket.on('end', () => {
      ended++
      socket.end()
    })
  })
  t.after(() => server.close())
  const socket = connectTo(server)

  socket.end('hello')
  await once(socket, 'close')
  const closed = once(server, 'close')
  // Calls back only when the server counts no connection any more.
  server.close()
  await closed

  assert.equal(ended, 1)
})

test('keeps the address of the peer and ends both sockets at once when destroyed', async t => {
  let resolve: (destroyed: string) => void = () => {}
  const promise = new Promise<string>(settle => {
    resolve = settle
  })
  const server = await startServer(accepted => {
    const socket = readInPlace(accepted)
    socket.on('close', () => resolve(`${accepted.destroyed}`))
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  })
  t.after(() => server.close())
  const socket = connectTo(server)
  socket.on('error', () => {})

  await once(socket, 'close')

  assert.equal(await promise, 'true')
})
