import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'
import { DEFAULT_KEYSPACE } from './keyspaces.ts'
import { isKnoxToken, printKnoxToken } from './knox-token.ts'
import { mintToken } from './mint-token.ts'
import { mintNativeToken } from './native-token.ts'
import { Secret } from './secret.ts'

/** A fresh secret of a key: its token, which nothing else holds, and what is stored of it. */
export type MintedKey = {
  readonly token: Secret
  readonly fingerprint: Fingerprint
  /** Native tokens only. */
  readonly hint?: string
}

/**
 * Makes a token for a key, of the key's own family.
 *
 * @throws {DomainError} `keyspace.unknown` with `facts.keyspace`.
 */
export async function mintKey(
  context: Context,
  key: Pick<ApiKey, 'id' | 'owner' | 'expiresAt' | 'family' | 'keyspace'>,
  now: Instant,
): Promise<MintedKey> {
  if (key.family === 'native') return mintNative(context, key.keyspace ?? DEFAULT_KEYSPACE)
  if (key.family === 'knox') return mintKnox(context, key.id)
  const { owner, expiresAt } = key
  return mintToken(context, {
    family: 'key',
    owner,
    issuedAt: now,
    ...(expiresAt !== undefined && { expiresAt }),
  })
}

function mintNative({ settings, randomness }: Context, name: string): MintedKey {
  const keyspace = Object.hasOwn(settings.keyspaces, name) ? settings.keyspaces[name] : undefined
  if (keyspace === undefined) {
    const known = Object.keys(settings.keyspaces)
    throw new DomainError(
      'keyspace.unknown',
      `Cannot issue a key of keyspace "${name}": the keyspaces are ${known.join(', ')}`,
      { keyspace: name, known },
    )
  }
  const { token, hint } = mintNativeToken(randomness, keyspace)
  return { token: new Secret(token), fingerprint: fingerprintOf(token), hint }
}

/** A token of Knox's form: the id of its key, and a passcode of 122 random bits. */
function mintKnox({ randomness }: Context, id: KeyId): MintedKey {
  const token = printKnoxToken({ id, passcode: randomness.uuid() })
  if (!isKnoxToken(token)) throw new Error(`Cannot mint a token of Knox's form for key "${id}": not a UUID`)
  return { token: new Secret(token), fingerprint: fingerprintOf(token) }
}
