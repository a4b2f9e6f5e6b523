import type { Duplex } from 'node:stream'
import { createSilenceWatch } from './silence-watch.ts'

/** A connection, and what was already read of it. */
export type SocketEnd = { readonly socket: Duplex; readonly head: Uint8Array }

/**
 * Passes bytes on between two connections, neither faster than the other takes them, until one of them ends or breaks, or
 * nothing moves for too long. Calls `over` once both are gone.
 *
 * Answers how to cut both.
 */
export function joinSockets(
  one: SocketEnd,
  other: SocketEnd,
  { idleTimeoutMs, over }: { readonly idleTimeoutMs: number; readonly over: () => void },
): () => void {
  let moved = 0
  let open = 2
  const cut = (): void => {
    one.socket.destroy()
    other.socket.destroy()
  }
  const watch = createSilenceWatch(() => moved, cut)
  const pass = (from: SocketEnd, to: SocketEnd): void => {
    const count = (): void => {
      moved += 1
    }
    from.socket.on('error', cut).on('data', count).pipe(to.socket)
    to.socket.on('drain', count)
    from.socket.once('close', () => {
      open -= 1
      // What it sent last shall still arrive.
      if (!to.socket.writableEnded) to.socket.end(() => to.socket.destroy())
      if (open > 0) return
      watch.stop()
      over()
    })
  }
  watch.begin(idleTimeoutMs)
  if (one.head.length > 0) other.socket.write(one.head)
  if (other.head.length > 0) one.socket.write(other.head)
  pass(one, other)
  pass(other, one)
  // It may have gone before anybody listened.
  if (one.socket.destroyed || other.socket.destroyed) cut()
  return cut
}
