import { createServer, type Server, type Socket } from 'node:net'
import type {
  AedesOptions,
  AuthenticateError,
  Client,
  ConnectPacket,
  PublishPacket,
  Subscription,
} from 'aedes'
import { HeldBytes } from '../held-bytes.ts'
import { MqttConnection, type MqttContext } from './mqtt-connection.ts'
import { MQTT_LIMITS, type MqttListener, type MqttListenerOptions } from './mqtt-listener-options.ts'
import { type MqttTopics, mayLeaveWill, mayPublish, maySubscribe } from './mqtt-topics.ts'
import { RequestBroker } from './request-broker.ts'
import { RetainedBudget } from './retained-budget.ts'

/**
 * Listens for MQTT 3.1 and 3.1.1. What a client publishes on the request topic goes to the handler, and what the
 * handler sends goes to that client alone, subscribed or not, with QoS 0.
 *
 * User name and password are accepted and ignored. Sessions end with their connection, whatever the client asks
 * for: CONNACK then says "no session present". Malformed packets end the connection they came on.
 *
 * @throws {Error} The address cannot be listened on, with the system's reason.
 */
export async function openMqttListener(options: MqttListenerOptions): Promise<MqttListener> {
  const listener = new AedesListener(options)
  await listener.listen()
  return listener
}

class AedesListener implements MqttListener {
  readonly #options: MqttListenerOptions
  readonly #context: MqttContext
  readonly #topics: MqttTopics
  readonly #retained: RetainedBudget
  readonly #broker: RequestBroker
  readonly #server: Server
  readonly #connections = new Map<Client, MqttConnection>()
  /** Connections that are gone, but that the handler still knows. */
  readonly #leaving = new Map<MqttConnection, NodeJS.Timeout>()
  readonly #refusals = new WeakMap<Client, AuthenticateError>()
  #closing: Promise<void> | undefined

  constructor(options: MqttListenerOptions) {
    const limits = { ...MQTT_LIMITS, ...options.limits }
    this.#options = options
    const held = new HeldBytes<MqttConnection>(
      limits.heldBytesMax,
      () => this.#connections.values(),
      ({ gate }) => gate.cut(),
    )
    this.#context = { ...options, limits, held }
    this.#topics = { ...options, serverTopics: options.serverTopics ?? [] }
    this.#retained = new RetainedBudget(limits.retainedMax, limits.retainedBytesMax)
    this.#broker = this.#createBroker()
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#connected(socket))
    this.#server.maxConnections = limits.connectionsMax
  }

  async listen(): Promise<void> {
    await this.#broker.listen()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => this.#broker.close(() => reject(error)))
      this.#server.listen(this.#options.port, this.#options.host, resolve)
    })
    this.#server.removeAllListeners('error')
    // Accepting can fail later (no file descriptors left); that must not end the process.
    this.#server.on('error', (error) => this.#options.onError(error, ''))
  }

  get address(): string {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.address : this.#options.host
  }

  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : this.#options.port
  }

  get openConnections(): number {
    return this.#connections.size
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await Promise.all([...this.#connections.values()].map((connection) => connection.drain()))
    for (const [connection, timer] of this.#leaving) {
      clearTimeout(timer)
      this.#forget(connection)
    }
    await new Promise<void>((resolve) => this.#broker.close(resolve))
    await stopped
  }

  #createBroker(): RequestBroker {
    const { limits } = this.#context
    const options: AedesOptions = {
      connectTimeout: limits.connectTimeoutMs,
      drainTimeout: limits.sendTimeoutMs,
      maxInflightInbound: limits.unreleasedMax,
      preConnect: (client, packet, done) => this.#beforeConnect(client, packet, done),
      authenticate: (client, _username, _password, done) => {
        const refused = this.#refusals.get(client)
        done(refused ?? null, refused === undefined)
      },
      authorizePublish: (_client, packet, done) => done(this.#publishRefusal(packet)),
      // Refused subscriptions are answered with 128 (MQTT 3.1.1 section 3.9.3); the client stays.
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#mayHave(client, subscription) ? subscription : null),
    }
    const broker = new RequestBroker(options, this.#options.requestTopic, (client, text) =>
      this.#connections.get(client)?.take(text),
    )
    broker.on('client', (client) => this.#opened(client))
    broker.on('unsubscribe', (topics, client) => this.#unsubscribed(client, topics))
    broker.addListener('error', (error: unknown) => this.#options.onError(error, ''))
    return broker
  }

  #connected(socket: Socket): void {
    const connection = new MqttConnection(socket, this.#context)
    const client = this.#broker.handle(connection.gate)
    connection.attach(client)
    this.#connections.set(client, connection)
    void connection.gone.then(() => this.#connections.delete(client))
  }

  #beforeConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: Error | null, ok: boolean) => void,
  ): void {
    if (this.#closing !== undefined) {
      done(new Error('Cannot accept MQTT client: the server is closing'), false)
      return
    }
    const { limits } = this.#context
    if (packet.clientId.length > limits.clientIdLengthMax) {
      this.#refusals.set(client, refusal('client id too long', IDENTIFIER_REJECTED))
    } else if (packet.will !== undefined && !mayLeaveWill(this.#topics, packet.will.topic)) {
      this.#refusals.set(client, refusal('will not allowed on this topic', NOT_AUTHORIZED))
    }
    // A session that outlives its connection would collect messages for a client that may never return.
    packet.clean = true
    // "No keep-alive" would leave connections of vanished clients open for ever; the broker may end those it
    // holds to be inactive (MQTT 3.1.1 section 3.1.2.10).
    packet.keepalive = Math.min(packet.keepalive || limits.keepAliveSecondsMax, limits.keepAliveSecondsMax)
    done(null, true)
  }

  #publishRefusal(packet: PublishPacket): Error | null {
    if (!mayPublish(this.#topics, packet.topic, packet.retain)) {
      return new Error(`Cannot publish to topic "${packet.topic}": not allowed`)
    }
    if (packet.retain && !this.#retained.take(packet.topic, packet.payload.length)) {
      return new Error(`Cannot retain message on topic "${packet.topic}": too much is retained`)
    }
    return null
  }

  #mayHave(client: Client, { topic }: Subscription): boolean {
    const connection = this.#connections.get(client)
    if (connection === undefined || !maySubscribe(this.#topics, topic)) return false
    const { subscriptions } = connection
    if (subscriptions.size >= this.#context.limits.subscriptionsMax && !subscriptions.has(topic)) return false
    subscriptions.add(topic)
    return true
  }

  #unsubscribed(client: Client, topics: readonly string[]): void {
    const connection = this.#connections.get(client)
    for (const topic of topics) connection?.subscriptions.delete(topic)
  }

  #opened(client: Client): void {
    const connection = this.#connections.get(client)
    if (connection === undefined) return
    this.#tell(connection, () => this.#options.handler.opened(connection))
    void connection.gone.then(() => {
      if (this.#closing !== undefined) {
        this.#forget(connection)
        return
      }
      const timer = setTimeout(() => this.#forget(connection), this.#options.disconnectDelayMs)
      this.#leaving.set(connection, timer)
    })
  }

  #forget(connection: MqttConnection): void {
    this.#leaving.delete(connection)
    this.#tell(connection, () => this.#options.handler.closed(connection))
  }

  #tell(connection: MqttConnection, what: () => void): void {
    try {
      what()
    } catch (error) {
      this.#options.onError(error, connection.id)
    }
  }
}

const IDENTIFIER_REJECTED = 2
const NOT_AUTHORIZED = 5

/** Why CONNECT is refused, with the code that CONNACK carries (MQTT 3.1.1 section 3.2.2.3). */
function refusal(message: string, returnCode: 2 | 5): AuthenticateError {
  return Object.assign(new Error(`Cannot accept MQTT client: ${message}`), { returnCode })
}
