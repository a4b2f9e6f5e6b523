import type { MessageHandler } from '../connection.ts'
import { HELD_BYTES_MAX } from '../held-bytes.ts'

/** Every bound of the MQTT listener. Times in ms, sizes in bytes. */
export type MqttLimits = {
  /** Most open connections; further ones are dropped as they arrive. */
  readonly connectionsMax: number
  /** Longest packet, its header included; a longer one ends the connection before it is read. */
  readonly packetBytesMax: number
  /** Within this time a connection must have sent its CONNECT packet. */
  readonly connectTimeoutMs: number
  /** Longest keep-alive granted, in seconds, also to clients that ask for none; cut after 1.5 times as much. */
  readonly keepAliveSecondsMax: number
  /** Most topics that one client may be subscribed to; further ones are refused. */
  readonly subscriptionsMax: number
  /** Longest client id in UTF-16 units; CONNECT with a longer one is refused. */
  readonly clientIdLengthMax: number
  /** QoS 2 messages of one client that wait for their release; more end the connection. */
  readonly unreleasedMax: number
  /** Retained messages on free topics: how many, and how many bytes of payload in all. Beyond: refused. */
  readonly retainedMax: number
  readonly retainedBytesMax: number
  /** Requests of one client being answered at once; beyond it the connection is not read. */
  readonly inFlightMax: number
  /** Requests already received while the connection is not read; more end it. */
  readonly waitingMax: number
  /** Unsent bytes of one client beyond which it is too slow and cut. */
  readonly bufferedBytesMax: number
  /** Most bytes kept for all clients together: half packets, running requests, and answers not taken. See `HeldBytes`. */
  readonly heldBytesMax: number
  /** How long a client may take to read what it was sent before its connection is cut at the end. */
  readonly closeGraceMs: number
  /** How long a client may leave us unable to send; then it is cut, as others may be waiting for it. */
  readonly sendTimeoutMs: number
  /** How long `close` lets running requests finish. */
  readonly drainTimeoutMs: number
}

/** What holds unless the caller says otherwise. */
export const MQTT_LIMITS: MqttLimits = {
  connectionsMax: 1_000,
  packetBytesMax: 1_048_576,
  connectTimeoutMs: 10_000,
  keepAliveSecondsMax: 1_200,
  subscriptionsMax: 100,
  clientIdLengthMax: 1_024,
  unreleasedMax: 10,
  retainedMax: 1_000,
  retainedBytesMax: 16_777_216,
  inFlightMax: 100,
  waitingMax: 16_384,
  bufferedBytesMax: 8_388_608,
  heldBytesMax: HELD_BYTES_MAX,
  closeGraceMs: 2_000,
  sendTimeoutMs: 10_000,
  drainTimeoutMs: 6_000,
}

/** What an MQTT listener needs. */
export type MqttListenerOptions = {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly handler: MessageHandler
  /** Where clients publish their requests; nobody may subscribe to it. */
  readonly requestTopic: string
  /** Where answers arrive when `connection.send` names no topic; nobody may publish to it. */
  readonly responseTopic: string
  /** Whether clients may publish to each other on other topics. Otherwise trying ends the connection. */
  readonly allowPubSub: boolean
  /** Further topics on which only the server speaks, such as that of its notices. */
  readonly serverTopics?: readonly string[]
  /** How long after its end a connection is still known to the handler, so that late work can finish. */
  readonly disconnectDelayMs: number
  /** Told when the handler broke its promise and failed, or the broker did. */
  readonly onError: (error: unknown, connectionId: string) => void
  /** Overrides of {@link MQTT_LIMITS}. */
  readonly limits?: Partial<MqttLimits>
}

/** An open MQTT listener. */
export interface MqttListener {
  readonly address: string
  readonly port: number
  readonly openConnections: number
  /**
   * Stops accepting and reading, lets running requests finish, then ends every connection; cuts what is left
   * after `drainTimeoutMs` and `closeGraceMs`.
   */
  close(): Promise<void>
}
