import type { Params } from '../topology.ts'

const KEYS_OF_OTHERS = ['knox.token.verification.pem', 'knox.token.jwks.url', 'knox.token.jwks.urls']

/**
 * The parameter that makes a `JWTProvider` one for JSON Web Tokens of another issuer; undefined: tokens that are issued
 * here are meant. Whoever trusts another issuer did not mean to trust this server, so its tokens are refused then.
 */
export function namesForeignIssuer(params: Params): string | undefined {
  const claim = params.get('knox.token.principal.claim')?.trim() ?? ''
  if (claim !== '' && claim !== 'sub') return 'knox.token.principal.claim'
  if (params.get('jwt.instance.key.fallback')?.trim().toLowerCase() === 'true') return undefined
  return KEYS_OF_OTHERS.find((name) => (params.get(name)?.trim() ?? '') !== '')
}
