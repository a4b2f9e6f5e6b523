import { promisify } from 'node:util'
import { deflate, gzip } from 'node:zlib'

/** How the bytes of a reply are packed, as in `Content-Encoding`. */
type ContentEncoding = 'gzip' | 'deflate' | 'identity'

/** A packed body and the name of its packing. */
type EncodedBody = { readonly bytes: Uint8Array; readonly encoding: ContentEncoding }

/** Packs a body the way the client likes best; see {@link chooseEncoding}. Off the event loop. */
export async function encodeBody(
  body: string | Uint8Array,
  acceptEncoding: string | undefined,
): Promise<EncodedBody> {
  const encoding = chooseEncoding(acceptEncoding)
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { bytes: await ENCODERS[encoding](bytes), encoding }
}

/**
 * The encoding that an `Accept-Encoding` header likes best (RFC 9110 section 12.5.3): gzip before deflate on a
 * tie, and both before identity. Without the header, or when it likes none of ours: `identity`.
 */
export function chooseEncoding(acceptEncoding: string | undefined): ContentEncoding {
  if (acceptEncoding === undefined || acceptEncoding === '') return 'identity'
  const weights = parseWeights(acceptEncoding)
  const others = weights.get('*') ?? 0
  const gzipWeight = weights.get('gzip') ?? weights.get('x-gzip') ?? others
  const deflateWeight = weights.get('deflate') ?? others
  const best = Math.max(gzipWeight, deflateWeight)
  // Identity that is not named is acceptable, but the last choice.
  if (best === 0 || best < (weights.get('identity') ?? 0)) return 'identity'
  return gzipWeight >= deflateWeight ? 'gzip' : 'deflate'
}

const ENCODERS: Readonly<Record<ContentEncoding, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: promisify<Uint8Array, Uint8Array>(gzip),
  deflate: promisify<Uint8Array, Uint8Array>(deflate),
  identity: (bytes) => Promise.resolve(bytes),
}

function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const item of header.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    if (coding !== '') weights.set(coding, parseWeight(parameters))
  }
  return weights
}

/** 1 unless a `q` says otherwise; a `q` that is no number from 0 to 1 means "not wanted". */
function parseWeight(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  if (q === undefined) return 1
  const weight = Number(q.slice(2))
  return weight >= 0 && weight <= 1 ? weight : 0
}
