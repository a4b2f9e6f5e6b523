/**
 * The certificate in the header `Client-Cert` of RFC 9440, in DER: a byte sequence of RFC 8941, base64 between colons.
 * Undefined: none, or several. Whether it is a certificate is not looked at.
 */
export function clientCertIn(header: string | readonly string[] | undefined): Buffer | undefined {
  const base64 = typeof header === 'string' ? BYTE_SEQUENCE.exec(header.trim())?.[1] : undefined
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]+={0,2}):$/
