/** The other end of a socket. */
export type Peer = {
  /** IP address; IPv4 in dotted form even where the socket speaks IPv6. Empty once the socket is gone. */
  readonly address: string
  /** The address is one of this host's own loopback addresses. */
  readonly loopback: boolean
  /** Of an encrypted connection; absent: it is not encrypted. */
  readonly tls?: PeerTls
}

/** What is known of the other end of an encrypted connection. */
export type PeerTls = {
  /** Distinguished name in the certificate that it showed, which is good; absent: it showed none that is. */
  readonly clientName?: string
}

/** The peer of a socket that was just accepted. */
export function peerOf(socket: { readonly remoteAddress?: string | undefined }): Peer {
  const address = plainAddress(socket.remoteAddress ?? '')
  return { address, loopback: isLoopback(address) }
}

/** True for 127.0.0.0/8 and ::1, also when written as IPv4 in IPv6. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain.startsWith('127.') || plain === '::1'
}

const IPV4_IN_IPV6 = '::ffff:'

function plainAddress(address: string): string {
  return address.startsWith(IPV4_IN_IPV6) ? address.slice(IPV4_IN_IPV6.length) : address
}
