import type { Context } from '../context.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'
import { printKeyToken, TOKEN_RANDOM_BYTES, type TokenClaims } from './key-token.ts'
import { Secret } from './secret.ts'

/** Makes a token that never was before, and its fingerprint; storing the fingerprint makes it good. */
export async function mintToken(
  context: Context,
  claims: Omit<TokenClaims, 'random'>,
): Promise<{ readonly token: Secret; readonly fingerprint: Fingerprint }> {
  const secret = await context.signingSecret()
  const text = printKeyToken(
    { ...claims, random: context.randomness.bytes(TOKEN_RANDOM_BYTES) },
    { algorithm: context.settings.tokenAlgorithm, secret },
  )
  return { token: new Secret(text), fingerprint: fingerprintOf(text) }
}
