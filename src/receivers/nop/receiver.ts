/** Takes nothing from nobody: for pipelines whose data comes from elsewhere, such as a connector, and need a receiver. */
import type { Component } from '../../core/component.ts'

export class NopReceiver implements Component {
  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}
