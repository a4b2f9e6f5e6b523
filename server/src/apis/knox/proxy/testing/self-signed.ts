import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** A private key and a certificate that nobody but itself vouches for, both as PEM. */
export type SelfSigned = { readonly key: string; readonly cert: string }

/** Makes a certificate for `localhost` and 127.0.0.1 that nobody else vouches for. */
export function createSelfSigned(): SelfSigned {
  return createCertificate({ CN: 'localhost' })
}

/** What a certificate is made of besides its key. */
type Issuer = { readonly privateKey: KeyObject; readonly name: Buffer }

/** A certificate that can vouch for others. */
export type Authority = SelfSigned & Issuer

/** Types of the parts of a name. */
const NAME_PARTS = {
  C: [0x55, 0x04, 0x06],
  ST: [0x55, 0x04, 0x08],
  L: [0x55, 0x04, 0x07],
  O: [0x55, 0x04, 0x0a],
  OU: [0x55, 0x04, 0x0b],
  CN: [0x55, 0x04, 0x03],
} as const

/**
 * Makes a certificate for somebody, as well as for `localhost` and 127.0.0.1, that is good until 2049 (RFC 5280 section
 * 4.1); without `issuer` nobody else vouches for it. `subject`: the most general part first.
 */
export function createCertificate(
  subject: Readonly<Partial<Record<keyof typeof NAME_PARTS, string>>>,
  issuer?: Issuer,
): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const name = sequence(
    ...Object.entries(subject).map(([type, value]) => {
      const bytes = NAME_PARTS[type as keyof typeof NAME_PARTS]
      // Countries are of another kind of text (RFC 5280 appendix A.1).
      const text = node(type === 'C' ? 0x13 : 0x0c, Buffer.from(value))
      return node(0x31, sequence(oid(...bytes), text))
    }),
  )
  const validity = sequence(
    node(0x17, Buffer.from('200101000000Z')),
    node(0x17, Buffer.from('491231235959Z')),
  )
  const names = sequence(node(0x82, Buffer.from('localhost')), node(0x87, Buffer.from([127, 0, 0, 1])))
  const isAuthority = sequence(oid(0x55, 0x1d, 0x13), node(0x04, sequence(node(0x01, Buffer.from([0xff])))))
  const forNames = sequence(oid(0x55, 0x1d, 0x11), node(0x04, names))
  const extensions = issuer === undefined ? sequence(forNames, isAuthority) : sequence(forNames)
  const serial = Buffer.concat([Buffer.of(1), randomBytes(7)])
  const facts = sequence(
    node(0xa0, node(0x02, Buffer.from([2]))),
    node(0x02, serial),
    algorithm,
    issuer?.name ?? name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    node(0xa3, extensions),
  )
  const signature = node(0x03, Buffer.from([0]), sign('sha256', facts, issuer?.privateKey ?? privateKey))
  const base64 = sequence(facts, algorithm, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`,
    privateKey,
    name,
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
