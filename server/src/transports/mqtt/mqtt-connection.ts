import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Client } from 'aedes'
import type { Connection } from '../connection.ts'
import type { HeldBytes, MeteredConnection } from '../held-bytes.ts'
import { MessageLane } from '../message-lane.ts'
import { peerOf } from '../peer.ts'
import type { MqttLimits, MqttListenerOptions } from './mqtt-listener-options.ts'
import { PacketGate } from './packet-gate.ts'

/** What all connections of a listener share. */
export type MqttContext = Pick<MqttListenerOptions, 'handler' | 'onError' | 'responseTopic'> & {
  readonly limits: MqttLimits
  readonly held: HeldBytes<MqttConnection>
}

/** One TCP connection that speaks MQTT; known to the handler once the client's CONNECT was accepted. */
export class MqttConnection implements Connection, MeteredConnection {
  readonly id = randomUUID()
  readonly carrier = 'mqtt'
  readonly address: string
  readonly local: boolean
  readonly headers = {}
  heldBytes = 0
  /** What the broker reads from and writes to. */
  readonly gate: PacketGate
  /** Resolves when the connection is gone, however it went. */
  readonly gone: Promise<void>
  /** Topics that the client is subscribed to. */
  readonly subscriptions = new Set<string>()
  readonly #context: MqttContext
  readonly #lane: MessageLane
  #client: Client | undefined
  /** Bytes handed to the broker that have not reached the socket. */
  #unsentBytes = 0
  /** UTF-16 units of the requests that are being answered. */
  #runningLength = 0
  #isGone = false

  constructor(socket: Socket, context: MqttContext) {
    const peer = peerOf(socket)
    this.address = peer.address
    this.local = peer.loopback
    this.#context = context
    this.gate = new PacketGate(socket, context.limits, this.#noteHeld)
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()))
    this.#lane = new MessageLane({
      inFlightMax: context.limits.inFlightMax,
      waitingMax: context.limits.waitingMax,
      run: (text) => this.#run(text),
      pause: () => this.gate.hold(),
      resume: () => this.gate.release(),
      overflow: () => this.gate.destroy(),
      failed: (error) => context.onError(error, this.id),
    })
    void this.gone.then(() => {
      this.#lane.close()
      this.#isGone = true
      context.held.set(this, 0)
    })
  }

  /** Names the broker's side of this connection, through which `send` goes. */
  attach(client: Client): void {
    this.#client = client
  }

  /** Takes one request of the client. */
  take(text: string): void {
    this.#lane.take(text)
  }

  send(text: string, topic = this.#context.responseTopic): void {
    if (this.#client === undefined || this.gate.destroyed) return
    // Looked at before the message is added: one long answer does not make a slow reader.
    if (this.#unsentBytes + this.gate.unsentBytes > this.#context.limits.bufferedBytesMax) {
      this.gate.destroy(new Error('MQTT client does not read what it is sent'))
      return
    }
    const payload = Buffer.from(text)
    this.#unsentBytes += payload.length
    this.#client.publish({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, () => {
      this.#unsentBytes -= payload.length
      this.#noteHeld()
    })
    this.#noteHeld()
  }

  close(): void {
    void this.#closeAfterSending()
  }

  /** Reads no more, lets running requests finish in time, then ends the connection; resolves when it is gone. */
  async drain(): Promise<void> {
    this.gate.hold()
    let deadline: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, this.#context.limits.drainTimeoutMs)
    })
    await Promise.race([this.#lane.drain(), late, this.gone])
    clearTimeout(deadline)
    await this.#closeAfterSending()
    await this.gone
  }

  async #run(text: string): Promise<void> {
    this.#runningLength += text.length
    this.#noteHeld()
    try {
      await this.#context.handler.received(this, text)
    } finally {
      this.#runningLength -= text.length
      this.#noteHeld()
    }
  }

  /** Says what is kept of this client now: half a packet, running requests, answers that it does not take. */
  readonly #noteHeld = (): void => {
    if (this.#isGone) return
    const { packetBytes, unsentBytes } = this.gate
    this.#context.held.set(this, packetBytes + this.#runningLength + this.#unsentBytes + unsentBytes)
  }

  async #closeAfterSending(): Promise<void> {
    // The broker writes what `send` gave it in the next turn of the event loop.
    await nextTurn()
    await nextTurn()
    this.gate.destroy()
  }
}
