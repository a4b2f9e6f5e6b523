import type { RateLimit } from '../../core/keys/policy.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { jsonColumn } from './column.ts'
import type { KeyParts } from './key-parts.ts'
import type { RequireOwner } from './owners.ts'

/** SQL about limits of owners, for the test that asks SQLite how it answers it. */
export const OWNER_LIMITS_LOOKUPS = {
  byOwner: 'SELECT limits FROM owner_limits WHERE owner = ?',
  remove: 'DELETE FROM owner_limits WHERE owner = ?',
  hasKnoxKeys: 'SELECT 1 FROM owner_stats WHERE owner = ? AND knox_count > 0',
} as const

const PUT = `INSERT INTO owner_limits (owner, limits) VALUES (?, ?)
  ON CONFLICT (owner) DO UPDATE SET limits = excluded.limits`

/** Limits that all keys of an owner share, in SQLite. */
export function createOwnerLimitsStore(
  { database, news, writeAudit }: KeyParts,
  requireOwner: RequireOwner,
): Pick<KeyStore, 'setOwnerLimits' | 'ownerLimits'> {
  const byOwner = database.statement(OWNER_LIMITS_LOOKUPS.byOwner)
  const put = database.statement(PUT)
  const remove = database.statement(OWNER_LIMITS_LOOKUPS.remove)
  const hasKnoxKeys = database.statement(OWNER_LIMITS_LOOKUPS.hasKnoxKeys)
  return {
    setOwnerLimits(owner, limits, event) {
      return database.change(() => {
        if (hasKnoxKeys.get(owner) === undefined) requireOwner(owner)
        if (limits.length === 0) remove.run(owner)
        else put.run(owner, JSON.stringify(limits))
        news.ownerChanged(owner)
        writeAudit(event)
      })
    },
    async ownerLimits(owner) {
      const row = database.read(() => byOwner.get(owner))
      return row === undefined ? [] : jsonColumn<readonly RateLimit[]>(row, 0)
    },
  }
}
