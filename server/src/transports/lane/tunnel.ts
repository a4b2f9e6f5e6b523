import { randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLoopback, type Peer } from '../peer.ts'
import { removeDeadTunnels, TUNNEL_SOCKET, tunnelPrefix } from './dead-tunnels.ts'

/** Where a tunnel ends, and what proves that somebody may use it. */
export type TunnelAddress = { readonly path: string; readonly secret: Uint8Array }

/** The end of tunnels through which other threads of this process pass connections on. */
export interface TunnelEnd {
  readonly address: TunnelAddress
  /** Lets no more connections in; those that came through are their owner's to end. */
  close(): Promise<void>
}

const SECRET_BYTES = 32
/** Longest description of a peer: the name in a certificate is the longest part of it. */
const PEER_BYTES_MAX = 16_384
const LENGTH_BYTES = 2
const HEAD_BYTES = SECRET_BYTES + LENGTH_BYTES
/** How long a connection may take to say what it is, in ms. */
const PREFACE_TIMEOUT_MS = 5_000

/**
 * Opens a Unix socket that only this user can reach, and gives each connection that comes through, with the peer for
 * whom it stands, to `adopt`: half open and paused, with what was read beyond the preface put back.
 *
 * A preface is the secret, the length of what follows in two bytes, and the peer as JSON.
 */
export async function openTunnelEnd(adopt: (socket: Socket, peer: Peer) => void): Promise<TunnelEnd> {
  await removeDeadTunnels(tmpdir())
  // Its mode is 0700, so that nobody else can even try.
  const directory = await mkdtemp(join(tmpdir(), tunnelPrefix(process.pid)))
  const path = join(directory, TUNNEL_SOCKET)
  const secret = randomBytes(SECRET_BYTES)
  const server = createServer({ allowHalfOpen: true }, (socket) => readPreface(socket, secret, adopt))
  const removeDirectory = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
  } catch (error) {
    await removeDirectory()
    throw error
  }
  return {
    address: { path, secret },
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      await removeDirectory()
    },
  }
}

/** Passes a connection on through a tunnel: bytes both ways, until both ends are done. `socket` is paused. */
export function passThrough({ path, secret }: TunnelAddress, socket: Socket, peer: Peer): void {
  const tunnel = connect({ path, allowHalfOpen: true })
  const described = Buffer.from(JSON.stringify({ address: peer.address, tls: peer.tls }))
  const length = Buffer.of(described.length >> 8, described.length & 0xff)
  if (described.length > PEER_BYTES_MAX) {
    tunnel.destroy()
    return void socket.destroy()
  }
  tunnel.write(Buffer.concat([secret, length, described]))
  joinEnds(socket, tunnel)
  joinEnds(tunnel, socket)
}

/** What is read at one end is written to the other; when one breaks off, the other ends once it has sent all. */
function joinEnds(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroySoon())
}

function readPreface(socket: Socket, secret: Uint8Array, adopt: (socket: Socket, peer: Peer) => void): void {
  let read = Buffer.alloc(0)
  const refuse = (): void => void socket.destroy()
  const take = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk])
    if (read.length < HEAD_BYTES) return
    const end = HEAD_BYTES + read.readUInt16BE(SECRET_BYTES)
    const isKnown = timingSafeEqual(read.subarray(0, SECRET_BYTES), secret)
    if (!isKnown || end > HEAD_BYTES + PEER_BYTES_MAX) return void refuse()
    if (read.length < end) return
    clearTimeout(deadline)
    socket.off('data', take).off('error', refuse).off('end', refuse).off('close', stop)
    socket.pause()
    const rest = read.subarray(end)
    if (rest.length > 0) socket.unshift(rest)
    // Whoever knows the secret is a thread of this process, and wrote it in `passThrough`.
    const { address, tls } = JSON.parse(read.toString('utf8', HEAD_BYTES, end)) as Pick<
      Peer,
      'address' | 'tls'
    >
    adopt(socket, { address, loopback: isLoopback(address), ...(tls !== undefined && { tls }) })
  }
  const stop = (): void => clearTimeout(deadline)
  const deadline = setTimeout(refuse, PREFACE_TIMEOUT_MS)
  socket.on('data', take).on('error', refuse).on('end', refuse).on('close', stop)
}
