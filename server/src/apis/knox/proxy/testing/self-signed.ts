import { generateKeyPairSync, sign } from 'node:crypto'

/** A private key and a certificate that nobody but itself vouches for, both as PEM. */
export type SelfSigned = { readonly key: string; readonly cert: string }

/** Makes a certificate for `localhost` and 127.0.0.1 that is good until 2049 (RFC 5280 section 4.1). */
export function createSelfSigned(): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const name = sequence(node(0x31, sequence(oid(0x55, 0x04, 0x03), node(0x0c, Buffer.from('localhost')))))
  const validity = sequence(
    node(0x17, Buffer.from('200101000000Z')),
    node(0x17, Buffer.from('491231235959Z')),
  )
  const names = sequence(node(0x82, Buffer.from('localhost')), node(0x87, Buffer.from([127, 0, 0, 1])))
  const isAuthority = sequence(oid(0x55, 0x1d, 0x13), node(0x04, sequence(node(0x01, Buffer.from([0xff])))))
  const extensions = sequence(sequence(oid(0x55, 0x1d, 0x11), node(0x04, names)), isAuthority)
  const facts = sequence(
    node(0xa0, node(0x02, Buffer.from([2]))),
    node(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    node(0xa3, extensions),
  )
  const signature = node(0x03, Buffer.from([0]), sign('sha256', facts, privateKey))
  const base64 = sequence(facts, algorithm, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  }
}

/** One value of ASN.1 in DER. */
function node(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return node(0x30, ...parts)
}

function oid(...bytes: readonly number[]): Buffer {
  return node(0x06, Buffer.from(bytes))
}
