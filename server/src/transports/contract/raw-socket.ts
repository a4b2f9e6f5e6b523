import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** A bare TCP connection to a server under test, for bytes that no well-behaved client would send. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All bytes that come from now on until the server closes, as latin1. */
export function receiveAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const finish = (): void => resolve(Buffer.concat(chunks).toString('latin1'))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    if (socket.destroyed) finish()
    else socket.once('close', finish)
  })
}

/**
 * What comes from now on, as latin1, until it contains `wanted`.
 *
 * @throws {Error} The server closed before, with what it had sent.
 */
export function receiveUntil(socket: Socket, wanted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = ''
    const take = (chunk: Buffer): void => {
      all += chunk.toString('latin1')
      if (!all.includes(wanted)) return
      socket.off('data', take).off('close', fail)
      resolve(all)
    }
    const fail = (): void => reject(new Error(`closed after ${JSON.stringify(all.slice(0, 300))}`))
    socket.on('data', take).once('close', fail)
  })
}

/** Sends bytes on a connection of their own; resolves to all that came back until the server closed. */
export async function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = await openSocket(port)
  const answer = receiveAll(socket)
  socket.write(bytes)
  return answer
}

/**
 * Resolves once `condition` holds, looking again in every turn of the event loop.
 *
 * @throws {Error} It did not hold within ten seconds.
 */
export async function waitUntil(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${condition}`)
    await nextTurn()
  }
}

/** Resolves once the connection is closed, in order or not. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
  })
}
