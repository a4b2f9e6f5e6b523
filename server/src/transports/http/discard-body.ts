import type { IncomingMessage } from 'node:http'
import type { HttpLimits } from './http-listener-options.ts'

/** Throws away the rest of a body, within bounds, and then calls `done` once. */
export function discardBody(incoming: IncomingMessage, limits: HttpLimits, done: () => void): void {
  let length = 0
  const finish = (): void => {
    clearTimeout(deadline)
    incoming.off('data', count).off('end', finish).off('error', finish).off('close', finish)
    done()
  }
  const count = (chunk: Uint8Array): void => {
    length += chunk.length
    if (length > limits.unreadBytesMax) finish()
  }
  const deadline = setTimeout(finish, limits.unreadTimeoutMs)
  incoming.on('data', count).on('end', finish).on('error', finish).on('close', finish)
  incoming.resume()
}
