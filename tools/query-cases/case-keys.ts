import type { AuditEvent } from '../../server/src/core/audit/audit-event.ts'
import type { KeyId, ProfileId, RoleId, UserId } from '../../server/src/core/ids.ts'
import { isJsonObject } from '../../server/src/core/json.ts'
import type { ApiKey } from '../../server/src/core/keys/api-key.ts'
import { parseFingerprint } from '../../server/src/core/keys/fingerprint.ts'
import type { Storage } from '../../server/src/core/ports/storage.ts'

/** A document of a file of cases. */
export type CaseDocument = { readonly _id: string; readonly _source: unknown }

const EVENT: AuditEvent = {
  at: 0,
  action: 'key.create',
  outcome: 'done',
  actor: 'cases' as UserId,
  subject: 'cases',
  origin: { carrier: 'cli', requestId: 'cases', local: true },
}

/** Stores the documents that can be API keys, in their order, and their owners, who may do nothing. */
export async function storeKeys(storage: Storage, documents: readonly CaseDocument[]): Promise<void> {
  const keys = documents.map(keyOf).filter((key) => key !== undefined)
  const record = { createdBy: 'cases' as UserId, createdAt: 0 }
  const profileId = 'cases' as ProfileId
  const roleId = 'cases' as RoleId
  await storage.access.putRole({ id: roleId, controllers: {}, content: {}, record }, 'replace', EVENT)
  const profile = { id: profileId, policies: [{ roleId }], rateLimit: 0, content: {}, record }
  await storage.access.putProfile(profile, 'replace', EVENT)
  for (const id of ownersOf(documents)) {
    await storage.users.create({ id, profileIds: [profileId], content: {}, record }, [], EVENT)
  }
  for (const key of keys) await storage.keys.insert(key, undefined, EVENT)
}

/** Removes what `storeKeys` stored, so that a file can be used again. */
export async function removeKeys(storage: Storage, documents: readonly CaseDocument[]): Promise<void> {
  for (const id of ownersOf(documents)) await storage.users.remove(id, EVENT)
}

function ownersOf(documents: readonly CaseDocument[]): ReadonlySet<UserId> {
  return new Set(documents.flatMap((document) => keyOf(document)?.owner ?? []))
}

/** The API key that a document describes; undefined when no key looks like that. */
export function keyOf({ _id, _source }: CaseDocument): ApiKey | undefined {
  if (!isJsonObject(_source)) return undefined
  const { userId, description, expiresAt, ttl, fingerprint, _kuzzle_info: info } = _source
  const digest = typeof fingerprint === 'string' ? parseFingerprint(fingerprint) : undefined
  if (typeof userId !== 'string' || typeof description !== 'string' || digest === undefined) return undefined
  if (typeof expiresAt !== 'number' || typeof ttl !== 'number' || !isJsonObject(info ?? null))
    return undefined
  const { author, createdAt, updater, updatedAt } = isJsonObject(info ?? null) ? (info as typeof _source) : {}
  if (typeof author !== 'string' || typeof createdAt !== 'number') return undefined
  return {
    id: _id as KeyId,
    owner: userId as UserId,
    description,
    fingerprint: digest,
    ...(expiresAt !== -1 && { expiresAt }),
    ...(ttl !== -1 && { ttlMs: ttl }),
    record: {
      createdBy: author as UserId,
      createdAt,
      ...(typeof updater === 'string' && { updatedBy: updater as UserId }),
      ...(typeof updatedAt === 'number' && { updatedAt }),
    },
  }
}
