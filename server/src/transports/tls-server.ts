import { X509Certificate } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createSecureServer, type Server as SecureServer, type TLSSocket } from 'node:tls'
import { distinguishedName } from './distinguished-name.ts'
import { type Peer, peerOf } from './peer.ts'

/** What a server shows about itself, and whose certificates of clients it believes; all as PEM. */
export type TlsMaterial = {
  /** The certificate of the server, followed by those that vouch for it. */
  readonly certificate: string
  readonly key: string
  /** Who vouches for clients; absent: clients are not asked for certificates. */
  readonly clientAuthorities?: string
}

/** What a listener needs for TLS. */
export type TlsOptions = {
  /** The material now. */
  readonly material: () => TlsMaterial
  /** Calls when there is another one; connections that are open keep the old one. Answers how to stop that. */
  readonly onChange: (changed: () => void) => () => void
}

/** A server of connections, encrypted ones or not. */
export type SocketServer = {
  readonly server: Server
  /** Ends connections that are still agreeing on their keys, and no longer minds new material. */
  stop(): void
}

/** How long a client may take to agree on keys, in ms. */
const HANDSHAKE_MAX_MS = 10_000

/**
 * A server that does not listen yet. Connections are half open, as those of node:http; of an encrypted one the peer tells
 * the certificate of the client, when it showed one that is good.
 *
 * TLS 1.2 or later. Who shows a certificate that nobody vouches for is cut off.
 */
export function createSocketServer(
  tls: TlsOptions | undefined,
  connected: (socket: Socket, peer: Peer) => void,
): SocketServer {
  if (tls === undefined) {
    const plain = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      connected(socket, peerOf(socket)),
    )
    return { server: plain, stop: () => undefined }
  }
  const server = createSecureServer(
    {
      ...contextOf(tls.material()),
      allowHalfOpen: true,
      noDelay: true,
      requestCert: tls.material().clientAuthorities !== undefined,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MAX_MS,
      ALPNProtocols: ['http/1.1'],
    },
    (socket) => {
      // Whoever shows a certificate means to be taken for somebody, and nobody vouches for it.
      const isFalse = !socket.authorized && socket.getPeerX509Certificate() !== undefined
      if (isFalse) socket.destroy()
      else connected(socket, securePeerOf(socket))
    },
  )
  const forget = tls.onChange(() => server.setSecureContext(contextOf(tls.material())))
  const handshakes = watchHandshakes(server)
  return {
    server,
    stop: () => {
      forget()
      for (const socket of handshakes) socket.destroy()
    },
  }
}

/** @throws {Error} certificates and key cannot be read, or do not belong together; nobody is said to vouch for clients. */
export function contextOf({ certificate, key, clientAuthorities }: TlsMaterial) {
  // For node:tls an empty text, such as that of a file that is being written, is none: whomever everybody trusts.
  if (clientAuthorities !== undefined) new X509Certificate(clientAuthorities)
  return {
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    ...(clientAuthorities !== undefined && { ca: clientAuthorities }),
  } as const
}

/** Connections that are not yet encrypted, of which nobody else knows. */
function watchHandshakes(server: SecureServer): ReadonlySet<Socket> {
  const handshakes = new Set<Socket>()
  const addressed = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const name = `${socket.remoteAddress} ${socket.remotePort}`
    handshakes.add(socket)
    addressed.set(name, socket)
    socket.once('close', () => {
      handshakes.delete(socket)
      if (addressed.get(name) === socket) addressed.delete(name)
    })
  })
  server.on('secureConnection', (socket) => {
    const raw = addressed.get(`${socket.remoteAddress} ${socket.remotePort}`)
    if (raw !== undefined) handshakes.delete(raw)
  })
  return handshakes
}

function securePeerOf(socket: TLSSocket): Peer {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return {
    ...peerOf(socket),
    tls: certificate === undefined ? {} : { clientName: distinguishedName(certificate) },
  }
}
