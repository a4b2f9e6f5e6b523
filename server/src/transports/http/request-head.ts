import type { HttpRequest } from './http-message.ts'

/** True when the headers announce a body. */
export function hasBody({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  const length = headers['content-length']
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined
}

const BEARER = 'bearer '

/** The token of an `Authorization` header; undefined for other schemes (RFC 6750 section 2.1). */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.slice(0, BEARER.length).toLowerCase() !== BEARER) return undefined
  return authorization.slice(BEARER.length).trim()
}
