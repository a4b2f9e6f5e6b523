import type { Caller } from '../access/caller.ts'
import { type KeyOperation, keyNotFound, mayWithKey, requireKeyRight } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import type { KeyId } from '../ids.ts'
import type { ApiKey } from './api-key.ts'
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

/** The key of that id, with which the caller may do this. @throws {DomainError} `key.not_found`, `right.missing` */
export async function requireKey(
  context: Context,
  caller: Caller,
  operation: KeyOperation,
  id: KeyId,
): Promise<ApiKey> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) throw keyNotFound(id)
  await requireKeyRight(context, caller, operation, key)
  return key
}
