import type { UserId } from '../../core/ids.ts'
import type { RateLimit } from '../../core/keys/policy.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { noteChanges } from './change.ts'
import { json, jsonColumn, text } from './column.ts'
import type { KeyParts } from './key-parts.ts'
import { requireOwner } from './owners.ts'

function hasKnoxKeys(owner: UserId): SqlText {
  return sql`SELECT 1 FROM owner_stats WHERE owner = ${text(owner)} AND knox_count > 0`
}

/** Limits that all keys of an owner share, in PostgreSQL. */
export function createOwnerLimitsStore({
  database,
  audit,
}: KeyParts): Pick<KeyStore, 'setOwnerLimits' | 'ownerLimits'> {
  return {
    setOwnerLimits(owner, limits, event) {
      return database.change(async (transaction) => {
        // Keys of Knox's family have owners that need not be users.
        if ((await transaction.first(hasKnoxKeys(owner))) === undefined)
          await requireOwner(transaction, owner)
        transaction.later(
          limits.length === 0
            ? sql`DELETE FROM owner_limits WHERE owner = ${text(owner)}`
            : sql`INSERT INTO owner_limits (owner, limits) VALUES (${text(owner)}, ${json(limits)})
                ON CONFLICT (owner) DO UPDATE SET limits = excluded.limits`,
        )
        noteChanges(transaction, [{ kind: 'owner', owner }])
        transaction.later(audit.insert(event))
      })
    },
    async ownerLimits(owner) {
      const row = await database.first(sql`SELECT limits FROM owner_limits WHERE owner = ${text(owner)}`)
      return row === undefined ? [] : jsonColumn<readonly RateLimit[]>(row, 0)
    },
  }
}
