import type { Connection, MessageHandler } from '../../transports/connection.ts'
import { KuzzleError } from './kuzzle-errors.ts'
import { createSocketHandler, type SocketParts } from './over-sockets.ts'

/** Kuzzle's API over WebSocket, as its listener wants it. */
export type KuzzleOverWebSocket = {
  readonly handler: MessageHandler
  /** What browsers send in place of ping frames, and what they expect. */
  readonly heartbeat: { readonly ping: string; readonly pong: string }
  /** Answers a message that came too fast. */
  readonly onRateExceeded: (connection: Connection, text: string) => void
}

/** Joins Kuzzle's API to a WebSocket listener. */
export function createKuzzleOverWebSocket(parts: Omit<SocketParts, 'carrier'>): KuzzleOverWebSocket {
  const sockets = createSocketHandler({ ...parts, carrier: 'websocket' })
  return {
    handler: {
      ...sockets,
      async received(connection, text) {
        if (text === HEARTBEAT.ping) connection.send(HEARTBEAT.pong)
        else await sockets.received(connection, text)
      },
    },
    heartbeat: HEARTBEAT,
    onRateExceeded: (connection, text) =>
      sockets.refuse(connection, text, new KuzzleError('network.websocket.ratelimit_exceeded')),
  }
}

const HEARTBEAT = { ping: '{"p":1}', pong: '{"p":2}' } as const
