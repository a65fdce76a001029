/**
 * What a Jaeger agent does: takes `emitBatch` messages in UDP packets. A packet that cannot be taken now waits, within
 * bounds; one for which there is no place is dropped and counted.
 *
 * ```
 * socket -> size, address -> [ queue ] -> PacketDoor, `workers` at a time -> pipeline, patiently
 * ```
 */
import type { RemoteInfo } from 'node:dgram'
import type { Timer } from '../../core/clock.ts'
import type { Consumer, Services } from '../../core/component.ts'
import { Fifo } from '../../util/fifo.ts'
import { noteReceivedBytes } from '../../util/young-collector.ts'
import { PatientConsumer } from '../intake/patient-consumer.ts'
import type { UdpConfig } from './config.ts'
import { DROPPED_PACKETS, QUEUED_PACKETS } from './metrics.ts'
import { PacketDoor, type PacketFormat } from './packet-door.ts'
import { UdpSocket } from './udp-socket.ts'

/** Longest pause before a packet that found no memory is tried again. */
const MAX_PAUSE_MS = 1000

interface Packet {
  readonly bytes: Uint8Array
  readonly from: RemoteInfo
}

/** What runs between `start` and `stop`. */
interface Running {
  readonly socket: UdpSocket
  readonly door: PacketDoor
  readonly patient: PatientConsumer
}

export class Agent {
  readonly #services: Services & { readonly id: string }
  readonly #config: UdpConfig
  readonly #format: PacketFormat
  readonly #next: Consumer
  readonly #queue = new Fifo<Packet>()
  readonly #cleanup: (() => void)[] = []
  #running: Running | undefined
  /** Packets that the pipeline has been offered and has not answered. */
  #offered = 0
  /** Set while memory is short. */
  #pause: Timer | undefined
  #idle: (() => void) | undefined

  constructor(
    services: Services & { readonly id: string },
    config: UdpConfig,
    format: PacketFormat,
    next: Consumer,
  ) {
    this.#services = services
    this.#config = config
    this.#format = format
    this.#next = next
  }

  /** 0 while not started. */
  get port(): number {
    return this.#running?.socket.port ?? 0
  }

  /** Rejects with MILLRACE_START_FAILED if the address cannot be had. */
  async start(): Promise<void> {
    const { id, meter, log, ledger, clock } = this.#services
    const { endpoint, socket_buffer_size: bufferBytes } = this.#config
    const { transport } = this.#format
    const patient = new PatientConsumer(this.#next, clock, ledger)
    const door = new PacketDoor(this.#services, this.#format, patient)
    const socket = await UdpSocket.open({ endpoint, bufferBytes }, (bytes, from) =>
      this.#take(door, bytes, from),
    ).catch(error => {
      patient.giveUp()
      throw error
    })
    this.#running = { socket, door, patient }
    const labels = { receiver: id, transport }
    const dropped = { ...labels, reason: 'socket_buffer' }
    this.#cleanup.push(
      meter.observe(QUEUED_PACKETS, labels, () => this.#queue.length),
      meter.observe(DROPPED_PACKETS, dropped, () => socket.droppedByKernel()),
    )
    log.info('receiver listens', { ...labels, port: socket.port })
    if (bufferBytes > 0 && socket.bufferBytes < bufferBytes) {
      const got = { ...labels, bytes: socket.bufferBytes, wanted: bufferBytes }
      log.warn('the kernel gives a smaller socket buffer (net.core.rmem_max)', got)
    }
  }

  /** Reads no more, and hands on what waits. What the pipeline has not taken by the deadline is dropped. */
  async stop(deadline: AbortSignal): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    const { socket, door } = running
    for (const clean of this.#cleanup.splice(0)) clean()
    await socket.close()
    const cut = () => this.#giveUp(running)
    if (deadline.aborted) cut()
    else deadline.addEventListener('abort', cut, { once: true })
    this.#resume(door)
    if (this.#offered > 0 || this.#queue.length > 0) {
      await new Promise<void>(resolve => {
        this.#idle = resolve
      })
    }
    deadline.removeEventListener('abort', cut)
    running.patient.giveUp()
  }

  #giveUp({ door, patient }: Running): void {
    door.isClosing = true
    this.#pause?.cancel()
    for (let packet = this.#queue.shift(); packet !== undefined; packet = this.#queue.shift()) {
      this.#services.memory.free(packet.bytes.length)
      door.drop('shutdown', 'it still waited when time was up')
    }
    patient.giveUp()
    // What the pipeline still holds is not waited for; what was given back is booked by then.
    setImmediate(() => this.#idle?.())
  }

  // hot: bench/flow/receivers.ts
  #take(door: PacketDoor, bytes: Uint8Array, from: RemoteInfo): void {
    const config = this.#config
    door.packets.came.value++
    noteReceivedBytes(bytes.length)
    if (bytes.length > config.max_packet_size) door.turnAway('too_large', 'too_large')
    else if (!door.admits(from)) return
    else if (this.#queue.length >= config.queue_size) door.turnAway('queue_full', 'overloaded')
    else if (!this.#services.memory.tryReserve(bytes.length)) door.turnAway('memory', 'overloaded')
    else {
      this.#queue.push({ bytes, from })
      this.#work(door)
    }
  }

  #work(door: PacketDoor): void {
    const { workers } = this.#config
    while (this.#queue.length > 0 && this.#offered < workers && this.#pause === undefined) {
      const { bytes, from } = this.#queue.peek()!
      const answer = door.offer(bytes, from)
      if (typeof answer === 'number' && answer > 0) {
        const ms = Math.min(answer, MAX_PAUSE_MS)
        this.#pause = this.#services.clock.after(ms, () => this.#resume(door))
        return
      }
      this.#queue.shift()
      if (typeof answer !== 'number') {
        this.#offered++
        void answer.then(() => {
          this.#offered--
          this.#work(door)
        })
      }
    }
    if (this.#offered === 0 && this.#queue.length === 0) this.#idle?.()
  }

  #resume(door: PacketDoor): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#work(door)
  }
}
