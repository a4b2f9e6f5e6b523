/** What a JSON Web Token of Knox's token service says. */
export type KnoxClaims = {
  readonly issuer: string
  /** Of its signature, such as `RS256`. */
  readonly algorithm: string
  /** Header `typ`; empty when it has none. */
  readonly type: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** Seconds since the epoch; absent: never. */
  readonly expiresAt?: number
  /** Id of the token; absent when another server issued it without. */
  readonly tokenId?: string
  /** Whether its state is kept on the server. */
  readonly managed: boolean
  readonly groups: readonly string[]
}

/** How the check of a JSON Web Token by its signature went. */
export type JwtVerdict =
  | { readonly ok: true; readonly claims: KnoxClaims }
  /** The signature is right. One that was renewed is good all the same: the state of the token says so. */
  | { readonly ok: false; readonly reason: 'expired'; readonly claims: KnoxClaims }
  | { readonly ok: false; readonly reason: 'malformed' | 'untrusted' | 'not_yet' }

/**
 * Whether a text is a JSON Web Token by its looks: three parts, the first of which is JSON that names an algorithm. Keys
 * of Kuzzle's form are one behind a prefix, and are none.
 */
export function looksLikeJwt(token: string): boolean {
  const parts = token.split('.')
  if (parts.length !== 3) return false
  const header = Buffer.from(parts[0] ?? '', 'base64url').toString('latin1')
  return header.startsWith('{') && header.includes('"alg"')
}
