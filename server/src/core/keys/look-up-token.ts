import type { Context } from '../context.ts'
import type { FoundKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { KNOX_TOKEN_LENGTH } from './knox-token.ts'
import { lookUpLegacyToken } from './legacy-tokens.ts'

/**
 * What a token leads to: one look-up by its fingerprint, at once whenever nothing has to be waited for. A token that was
 * issued by Knox, and is shown here for the first time, is found in another way, and from then on in this one.
 */
export function lookUpToken(
  context: Context,
  token: string,
  fingerprint: Fingerprint,
): FoundKey | undefined | Promise<FoundKey | undefined> {
  const found = context.storage.keys.lookUp(fingerprint)
  if (token.length !== KNOX_TOKEN_LENGTH) return found
  if (!(found instanceof Promise)) return found ?? lookUpLegacyToken(context, token, fingerprint)
  return found.then((later) => later ?? lookUpLegacyToken(context, token, fingerprint))
}
