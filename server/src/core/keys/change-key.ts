import type { Actor } from '../access/caller.ts'
import { keyNotFound } from '../access/key-rights.ts'
import type { AuditAction } from '../audit/audit-event.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { isSameData, type JsonObject } from '../json.ts'
import type { ApiKey } from './api-key.ts'

/** What becomes of a key, and what the audit trail says of it. */
export type PlannedChange = { readonly next: ApiKey; readonly details: JsonObject }

/** A key is changed again from the start so often when others keep changing it at the same time. */
const TRIES_MAX = 5

/**
 * Changes a key that the caller may change. `plan` is pure, decides on the key as it is at the very moment of the change,
 * and answers undefined when there is nothing to do; so the event always tells what truly was before.
 *
 * @throws {DomainError} `key.not_found` when it ended meanwhile; `server.overloaded`; whatever `plan` throws.
 */
export async function changeKey(
  context: Context,
  caller: Actor,
  { action, key }: { readonly action: AuditAction; readonly key: ApiKey },
  plan: (key: ApiKey) => PlannedChange | undefined,
): Promise<ApiKey> {
  let current = key
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const planned = plan(current)
    if (planned === undefined) return current
    try {
      return await store(context, caller, { action, current, planned })
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error
    }
    const stored = await context.storage.keys.findById(key.id)
    // Another owner: the id was used again, and nobody asked whether the caller may change that key.
    if (stored === undefined || stored.owner !== key.owner) throw keyNotFound(key.id)
    current = stored
  }
  throw new DomainError(
    'server.overloaded',
    `Cannot change key "${key.id}": others changed it at the same time, ${TRIES_MAX} times`,
    { id: key.id },
  )
}

/** Why a change is planned anew. */
class ChangedMeanwhile extends Error {}

async function store(
  context: Context,
  caller: Actor,
  {
    action,
    current,
    planned,
  }: { readonly action: AuditAction; readonly current: ApiKey; readonly planned: PlannedChange },
): Promise<ApiKey> {
  const { id } = current
  const record = { ...current.record, updatedBy: caller.user.id, updatedAt: context.clock.now() }
  const next: ApiKey = { ...planned.next, record }
  const change = { by: caller, action, subject: `key:${id}`, details: planned.details }
  return recordChange(context, change, async (event) => {
    const replace = (stored: ApiKey): ApiKey => {
      if (!isSameButForUse(stored, current)) throw new ChangedMeanwhile()
      return next
    }
    const changed = await context.storage.keys.update(id, replace, event)
    if (changed === undefined) throw keyNotFound(id)
    return changed
  })
}

/** Being used does not change what a key is. */
function isSameButForUse(a: ApiKey, b: ApiKey): boolean {
  const { lastUsedAt: _, ...one } = a
  const { lastUsedAt: __, ...other } = b
  return isSameData(one, other)
}
