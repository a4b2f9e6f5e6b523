import { randomUUID } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { parseJson } from '../../core/json-text.ts'
import type { Connection, MessageHandler } from '../../transports/connection.ts'
import { type Envelope, type EnvelopeFacts, printEnvelope } from './envelope.ts'
import type { Funnel } from './funnel.ts'
import { KuzzleError } from './kuzzle-errors.ts'
import { type KuzzleRequest, parseRequest, readRequestId } from './request.ts'
import type { Statistics } from './statistics.ts'
import type { TokenLinks } from './token-links.ts'

/** Where notices of the server arrive. */
export const NOTICE_ROOM = 'kuzzle:notification:server'

/** What this API over two-way connections is made of. */
export type SocketParts = {
  readonly funnel: Funnel
  readonly links: TokenLinks<Connection>
  readonly statistics: Statistics
  readonly envelopes: EnvelopeFacts
  readonly carrier: 'websocket' | 'mqtt'
}

/** Answers each message of its connections with one message. */
export interface SocketHandler extends MessageHandler {
  /** Answers a message with this error, whatever it says. */
  refuse(connection: Connection, text: string, error: KuzzleError): void
}

/** Answers each message with one message, in whatever order they are done. */
export function createSocketHandler(parts: SocketParts): SocketHandler {
  const { funnel, links, statistics, envelopes, carrier } = parts
  const open = new Set<Connection>()
  const isMalformed =
    carrier === 'websocket' ? 'network.websocket.unexpected_error' : 'network.mqtt.unexpected_error'

  async function perform(connection: Connection, request: KuzzleRequest): Promise<Envelope> {
    const isLogout = request.controller === 'auth' && request.action === 'logout'
    // Who logs out knows that its session ends.
    if (isLogout) links.unlink(connection)
    const { envelope, extras } = await funnel.answer(request, (token) => {
      if (open.has(connection) && !(isLogout && token.kind === 'session')) links.link(connection, token)
    })
    if (extras.session !== undefined && open.has(connection)) links.linkSession(connection, extras.session)
    return envelope
  }

  /** Over MQTT, clients may publish a request and leave. */
  function contextOf(connection: Connection): KuzzleRequest['context'] {
    const { address, local, headers } = connection
    const context = { protocol: carrier, address, local, headers }
    return carrier === 'mqtt' ? context : { ...context, isGone: () => !open.has(connection) }
  }

  function refusal(message: unknown, error: KuzzleError): Envelope {
    const requestId = isJsonObject(message) ? tryRequestId(message) : undefined
    const subject = { requestId: requestId ?? randomUUID() }
    return inRoom(printEnvelope(envelopes, subject, { error }), requestId)
  }

  async function answer(connection: Connection, text: string): Promise<Envelope> {
    const parsed = parseJson(text)
    if (!parsed.ok) return refusal(parsed.value, new KuzzleError(isMalformed, [parsed.detail]))
    const message = parsed.value
    if (!isJsonObject(message)) {
      return refusal(message, new KuzzleError(isMalformed, ['a request must be a JSON object']))
    }
    let request: KuzzleRequest
    try {
      request = parseRequest(message, randomUUID(), contextOf(connection))
    } catch (error) {
      return refusal(message, funnel.explain(error, connection.id))
    }
    return inRoom(await perform(connection, request), request.requestId)
  }

  /** Clients over WebSocket find their answer by its room, also that to a request which was refused at sight. */
  function inRoom(envelope: Envelope, room: string | undefined): Envelope {
    return carrier === 'websocket' && room !== undefined ? { ...envelope, room } : envelope
  }

  return {
    opened(connection) {
      open.add(connection)
      statistics.opened(carrier)
    },
    async received(connection, text) {
      // Over WebSocket, as Kuzzle; a message of MQTT is a request whatever is in it.
      if (text === '' && carrier === 'websocket') return
      connection.send(JSON.stringify(await answer(connection, text)))
    },
    refuse(connection, text, error) {
      const parsed = parseJson(text)
      connection.send(JSON.stringify(refusal(parsed.value, error)))
    },
    closed(connection) {
      if (!open.delete(connection)) return
      links.unlink(connection)
      statistics.closed(carrier)
    },
  }
}

/** Tells a client that the token it used is over. */
export function printTokenExpired(node: string): string {
  return JSON.stringify({
    status: 200,
    info: 'This is an automated server notification',
    message: 'Authentication Token Expired',
    type: 'TokenExpired',
    node,
    room: NOTICE_ROOM,
  })
}

function tryRequestId(message: JsonObject): string | undefined {
  try {
    return readRequestId(message)
  } catch {
    return undefined
  }
}
