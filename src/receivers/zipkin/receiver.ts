/** The `zipkin` receiver: the paths of Zipkin's API on a server of its own. */
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { PathHandlers } from '../../net/http-server.ts'
import { HttpTranslation } from '../intake/http-translation.ts'
import { Intake } from '../intake/intake.ts'
import { ReservedRoom } from '../intake/room.ts'
import { Servers } from '../intake/servers.ts'
import type { ZipkinReceiverConfig } from './config.ts'
import { V1_PATH, V2_PATH, zipkinFormats } from './formats.ts'

export class ZipkinReceiver implements Component {
  readonly #context: CreateContext<ZipkinReceiverConfig>
  readonly #intake: Intake
  readonly #servers: Servers

  constructor(context: CreateContext<ZipkinReceiverConfig>, next: Consumer) {
    this.#context = context
    const { memory, ledger, tenancy } = context
    this.#intake = new Intake(new ReservedRoom(memory), ledger, tenancy.usage, next)
    this.#servers = new Servers(context)
  }

  /** The port that was bound; 0 while not started, and for a unix socket. */
  get port(): number {
    return this.#servers.ports.http
  }

  async start(host: Host): Promise<void> {
    const { config, meter, id } = this.#context
    const formats = zipkinFormats(meter, id, config.parse_string_tags)
    const options = {
      intake: this.#intake,
      includeMetadata: config.include_metadata,
      maxBytes: config.max_request_body_size,
    }
    const v1 = new HttpTranslation(options, formats.v1)
    const v2 = new HttpTranslation(options, formats.v2)
    await this.#servers.start(host, undefined, {
      config,
      paths: byEnd(v1, v2),
      guarded: [v1, v2],
    })
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#servers.stop(deadline)
  }

  refresh(): void {
    this.#servers.refresh()
  }
}

function byEnd(v1: HttpTranslation, v2: HttpTranslation): PathHandlers {
  return {
    get: path => {
      const plain = path.endsWith('/') ? path.slice(0, -1) : path
      if (plain.endsWith(V2_PATH)) return v2
      return plain.endsWith(V1_PATH) ? v1 : undefined
    },
  }
}
