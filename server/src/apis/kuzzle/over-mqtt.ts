import type { MessageHandler } from '../../transports/connection.ts'
import { createSocketHandler, type SocketParts } from './over-sockets.ts'

/**
 * Joins Kuzzle's API to an MQTT listener: answers what clients publish to the request topic. Notices are sent to
 * single clients on the topic `NOTICE_ROOM`.
 */
export function createKuzzleOverMqtt(parts: Omit<SocketParts, 'carrier'>): MessageHandler {
  const { opened, received, closed } = createSocketHandler({ ...parts, carrier: 'mqtt' })
  return { opened, received, closed }
}
