import type { HttpRequest } from '../../../transports/http/http-message.ts'

/** What a request shows as its credentials in the header `Authorization`. */
export type Shown =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  /** A scheme of others, or one of ours that cannot be read. */
  | { readonly kind: 'malformed' }

/**
 * Reads the header `Authorization`: RFC 7617 and RFC 6750, schemes in any case. The base64 of Basic must be exact, so that
 * credentials have one spelling.
 */
export function shownCredentials({ headers }: HttpRequest): Shown {
  const { authorization } = headers
  if (authorization === undefined) return { kind: 'none' }
  if (typeof authorization !== 'string') return { kind: 'malformed' }
  const [scheme = '', rest = ''] = splitOnce(authorization.trim(), ' ')
  const value = rest.trim()
  switch (scheme.toLowerCase()) {
    case 'basic':
      return basic(value)
    case 'bearer':
      return value === '' ? { kind: 'malformed' } : { kind: 'bearer', token: value }
    default:
      return { kind: 'malformed' }
  }
}

function basic(value: string): Shown {
  const bytes = Buffer.from(value, 'base64')
  const isExact = value !== '' && bytes.toString('base64') === value
  const text = bytes.toString('utf8')
  const colon = text.indexOf(':')
  if (!isExact || colon === -1 || text.includes('\uFFFD')) return { kind: 'malformed' }
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}
