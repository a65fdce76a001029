/** The far end of flow benches: takes OTLP over gRPC or HTTP on a port, throws the bytes away and says OK. Ends with SIGTERM. */
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'

const [port, protocol] = process.argv.slice(2)

if (protocol === 'grpc') {
  const server = createHttp2Server({
    settings: { initialWindowSize: 8 << 20, maxFrameSize: 1 << 20 },
  })
  server.on('session', session => session.setLocalWindowSize(64 << 20))
  server.on('stream', answerGrpc)
  server.listen(Number(port), '127.0.0.1')
} else {
  const server = createHttpServer((req, res) => {
    req
      .resume()
      .on('end', () => res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  })
  server.listen(Number(port), '127.0.0.1')
}

function answerGrpc(stream: ServerHttp2Stream): void {
  stream.resume().on('end', () => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  })
  stream.on('error', () => {})
}
