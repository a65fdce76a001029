/** The `health_check` extension: healthy means that all components have started and none is stopping, as upstream has it. */
import type { Component, Host, Inspector } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { json, type StatusAnswer, StatusServer } from '../../net/status-server.ts'
import { formatDuration } from '../../util/duration.ts'
import type { HealthCheckConfig } from './config.ts'

/** How Go writes a time that was never set. */
const NEVER = '0001-01-01T00:00:00Z'

export class HealthCheckExtension implements Component {
  readonly #context: CreateContext<HealthCheckConfig>
  readonly #server: StatusServer
  #inspector: Inspector | null = null

  constructor(context: CreateContext<HealthCheckConfig>) {
    const { endpoint, path, tls } = context.config
    this.#context = context
    this.#server = new StatusServer({
      ...context,
      endpoint,
      tls,
      routes: new Map([[path, () => this.#tell()]]),
    })
  }

  get port(): number {
    return this.#server.port
  }

  async start(host: Host): Promise<void> {
    this.#inspector = host.inspector
    await this.#server.start()
  }

  /** Extensions stop last, so probes hear "not available" as long as anything drains. */
  stop(): Promise<void> {
    return this.#server.close()
  }

  #tell(): StatusAnswer {
    const isReady = this.#inspector!.ready()
    const status = isReady ? 200 : 503
    const fixed = this.#context.config.response_body
    if (fixed !== undefined) {
      const body = isReady ? fixed.healthy : fixed.unhealthy
      return { status, contentType: 'text/plain; charset=utf-8', body }
    }
    if (!isReady)
      return json(status, { status: 'Server not available', upSince: NEVER, uptime: '' })
    const sinceMs = this.#inspector!.startedAtMs
    return json(status, {
      status: 'Server available',
      upSince: new Date(sinceMs).toISOString(),
      uptime: formatDuration(Math.max(0, this.#context.clock.now() - sinceMs)),
    })
  }
}
