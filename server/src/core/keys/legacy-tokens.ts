import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { KeyId } from '../ids.ts'
import type { LegacySecret } from '../ports/legacy-key-store.ts'
import type { FoundKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { type KnoxToken, parseKnoxToken } from './knox-token.ts'
import { type LegacyMac, matchesLegacyMac } from './legacy-mac.ts'
import type { Secret } from './secret.ts'

/**
 * The key of a token that Knox issued and whose fingerprint is not known yet. When its MAC proves the token, its
 * fingerprint is stored, and the MAC forgotten; any number of first uses at once all find the key.
 *
 * Every text of that form costs one look-up and one HMAC, whether or not there is such a key.
 */
export function lookUpLegacyToken(
  context: Context,
  text: string,
  fingerprint: Fingerprint,
): FoundKey | undefined | Promise<FoundKey | undefined> {
  const token = parseKnoxToken(text)
  if (token === undefined) return undefined
  const secret = context.storage.legacyKeys.find(token.id as KeyId)
  const shown = { token, fingerprint }
  return secret instanceof Promise
    ? secret.then((later) => findHashKey(context, shown, later))
    : findHashKey(context, shown, secret)
}

type Shown = { readonly token: KnoxToken; readonly fingerprint: Fingerprint }

function findHashKey(
  context: Context,
  shown: Shown,
  secret: LegacySecret | undefined,
): FoundKey | undefined | Promise<FoundKey | undefined> {
  if (secret === undefined) {
    matchesLegacyMac(shown.token, NOBODYS, '')
    // Somebody else may have proved the token between the two look-ups, and stored its fingerprint.
    return context.storage.keys.lookUp(shown.fingerprint)
  }
  const hashKey = context.hashKeys.find(secret.hashKey)
  return hashKey instanceof Promise
    ? hashKey.then((later) => prove(context, shown, secret, later))
    : prove(context, shown, secret, hashKey)
}

/** The MAC of no token. */
const NOBODYS: LegacyMac = { algorithm: 'HmacSHA256', stored: '', issueTime: 0, userName: '' }

function prove(
  context: Context,
  { token, fingerprint }: Shown,
  secret: LegacySecret,
  hashKey: Secret | undefined,
): undefined | Promise<FoundKey | undefined> {
  if (hashKey === undefined) throw new Error(`The hash key "${secret.hashKey}" is not stored any more`)
  if (!matchesLegacyMac(token, secret.mac, hashKey.reveal())) return undefined
  return adopt(context, secret, fingerprint)
}

/** Whatever `adopt` answers, by then the fingerprint leads to what is true: somebody else may have been first. */
async function adopt(
  context: Context,
  secret: LegacySecret,
  fingerprint: Fingerprint,
): Promise<FoundKey | undefined> {
  const { id, owner, mac } = secret
  const change = {
    by: { user: { id: owner }, origin: { carrier: 'server', requestId: '', local: false } },
    action: 'key.rehash',
    subject: `key:${id}`,
    details: { owner, algorithm: mac.algorithm, fingerprint },
  } as const
  await recordChange(context, change, (event) => context.storage.legacyKeys.adopt(secret, fingerprint, event))
  return context.storage.keys.lookUp(fingerprint)
}
