import type { Caller } from '../access/caller.ts'
import { type KeyOperation, keyNotFound, mayWithKey, requireKeyRight } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import type { ApiKey, Revocation } from './api-key.ts'
import { isoTime } from './explain-takings.ts'
import { viewKey, viewRevoked } from './key-view.ts'
import type { KeyView } from './verdict.ts'

/**
 * A key, also one that was revoked not long ago: for who may read it, and for who may issue or rotate it, since the
 * answers to these tell as much.
 *
 * @throws {DomainError} `key.not_found`
 */
export async function getKey(context: Context, caller: Caller, id: KeyId): Promise<KeyView> {
  const key = await context.storage.keys.findById(id)
  if (key !== undefined) {
    if (await maySee(context, caller, key)) return viewKey(context, key)
    throw keyNotFound(id)
  }
  const revoked = await context.storage.keys.findRevoked(id)
  if (revoked !== undefined && (await maySee(context, caller, revoked.key))) return viewRevoked(revoked)
  throw keyNotFound(id)
}

async function maySee(context: Context, caller: Caller, key: ApiKey): Promise<boolean> {
  return (
    (await mayWithKey(context, caller, 'read', key)) || (await mayWithKey(context, caller, 'create', key))
  )
}

/**
 * The key of that id, with which the caller may do this.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`.
 */
export async function requireKey(
  context: Context,
  caller: Caller,
  operation: KeyOperation,
  id: KeyId,
): Promise<ApiKey> {
  const known = await findKnownKey(context, id)
  await requireKeyRight(context, caller, operation, known.key)
  return unlessRevoked(known)
}

/** A key as it is, or was when it was revoked. */
export type KnownKey = { readonly key: ApiKey; readonly revocation?: Revocation }

/** The key of that id, or the one that was revoked last. Asks for no right. @throws {DomainError} `key.not_found` */
export async function findKnownKey({ storage }: Context, id: KeyId): Promise<KnownKey> {
  const key = await storage.keys.findById(id)
  const known = key === undefined ? await storage.keys.findRevoked(id) : { key }
  if (known !== undefined) return known
  throw keyNotFound(id)
}

/** The key when it can be changed; for who may see it. @throws {DomainError} `key.revoked` with `facts.revokedAt` */
export function unlessRevoked({ key, revocation }: KnownKey): ApiKey {
  if (revocation === undefined) return key
  const { at } = revocation
  throw new DomainError(
    'key.revoked',
    `Cannot change key "${key.id}": it was revoked at ${isoTime(at)}; "restore" brings it back, for some time after that`,
    { id: key.id, revokedAt: at },
  )
}
