import type { DayOfUse, KeyStore, KeyUses } from '../../core/ports/key-store.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { insertChange, newTellingRow, type TellingRow } from './change.ts'
import { column, fingerprintOfBytes, text } from './column.ts'
import type { Answer } from './connection.ts'
import type { KeyParts } from './key-parts.ts'
import { hasId } from './key-place.ts'

/** Keys whose uses one change writes. */
const USES_AT_ONCE = 256

/** What is counted of the use of keys, in PostgreSQL. */
export function createUsageStore({ database }: KeyParts): Pick<KeyStore, 'noteUses' | 'usage'> {
  return {
    async noteUses(uses) {
      for (let start = 0; start < uses.length; start += USES_AT_ONCE) {
        const row = newTellingRow(database)
        const noted = note(uses.slice(start, start + USES_AT_ONCE), row)
        await database.changeBy(noted, { uid: row.uid, changesOf: movedIn })
      }
    },
    async usage(id, days) {
      const rows = await database.read(sql`SELECT day, accepted, refused FROM key_usage
        WHERE key_uid = coalesce((SELECT uid FROM keys WHERE ${hasId(id)}),
          (SELECT key_uid FROM revoked_keys WHERE id = ${text(id)} ORDER BY seq DESC LIMIT 1))
        ORDER BY day DESC LIMIT ${days}::bigint`)
      return rows.map(
        (row): DayOfUse => ({
          day: column<number>(row, 0),
          accepted: column<number>(row, 1),
          refused: column<number>(row, 2),
        }),
      )
    },
  }
}

/** Fingerprints of the keys among `moved` that are judged by their last use: only they need be read again because of it. */
const JUDGED_BY_USE = sql`SELECT fingerprint FROM moved WHERE idle_timeout_ms IS NOT NULL
  UNION ALL SELECT fingerprint FROM previous_secrets
    WHERE key_uid IN (SELECT uid FROM moved WHERE idle_timeout_ms IS NOT NULL)`

function movedIn({ rows }: Answer): readonly StoreChange[] {
  if (rows.length === 0) return []
  return [{ kind: 'keys', fingerprints: rows.map((row) => fingerprintOfBytes(row[0])) }]
}

/**
 * Keys are locked in the order of their ids, so that nodes that write at once wait for each other and not both. What was
 * used before its key was created was another key of that id.
 */
function note(uses: readonly KeyUses[], row: TellingRow): SqlText {
  const used = uses.map(({ id, lastUsedAt, since }) => ({ id, at: lastUsedAt, since }))
  const days = uses.flatMap(({ id, days: byDay }) =>
    [...byDay].map(([day, { accepted, refused }]) => ({ id, day, accepted, refused })),
  )
  return sql`WITH used AS (
      SELECT id, max(at) AS at, min(since) AS since
      FROM jsonb_to_recordset(${storedJson(used)}::jsonb) AS one (id text, at float8, since float8)
      GROUP BY id
    ), found AS MATERIALIZED (
      SELECT keys.uid, keys.owner, used.id, CASE WHEN used.at >= keys.created_at THEN used.at END AS at,
        used.since >= keys.created_at AS counts
      FROM used JOIN key_ids AS whose ON whose.id = used.id
        JOIN keys ON keys.owner = whose.owner AND keys.id = whose.id
      ORDER BY keys.id FOR NO KEY UPDATE OF keys
    ), moved AS (
      UPDATE keys SET last_used_at = greatest(keys.last_used_at, found.at) FROM found
      WHERE keys.uid = found.uid AND keys.owner = found.owner AND found.at IS NOT NULL
      RETURNING keys.uid, keys.fingerprint, keys.idle_timeout_ms
    ), told AS (${insertChange(row, 'keys', JUDGED_BY_USE)}), counted AS (
    INSERT INTO key_usage AS known (key_uid, day, accepted, refused)
    SELECT found.uid, one.day, sum(one.accepted), sum(one.refused) FROM found
    JOIN jsonb_to_recordset(${storedJson(days)}::jsonb)
      AS one (id text, day integer, accepted float8, refused float8) ON one.id = found.id
    WHERE found.counts
    GROUP BY found.uid, one.day
    ON CONFLICT (key_uid, day) DO UPDATE
    SET accepted = known.accepted + excluded.accepted, refused = known.refused + excluded.refused
    )
    ${JUDGED_BY_USE}`
}
