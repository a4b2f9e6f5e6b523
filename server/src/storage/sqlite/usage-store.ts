import type { DayOfUse, KeyStore, KeyUses } from '../../core/ports/key-store.ts'
import { column, fingerprintOfBytes } from './column.ts'
import type { KeyParts } from './key-parts.ts'

/** Keys whose uses one change writes, so that nobody else waits long for the store. */
const USES_AT_ONCE = 256

/** SQL about use, for the test that asks SQLite how it answers it. */
export const USAGE_LOOKUPS = {
  used: `UPDATE keys SET last_used_at = max(coalesce(last_used_at, ?1), ?1) WHERE id = ?2
    RETURNING seq, fingerprint, idle_timeout_ms`,
  seqById: 'SELECT seq FROM keys WHERE id = ?',
  previous: 'SELECT fingerprint FROM previous_secrets WHERE key_seq = ?',
  ofKey: `SELECT day, accepted, refused FROM key_usage
    WHERE key_seq = coalesce((SELECT seq FROM keys WHERE id = ?1),
      (SELECT key_seq FROM revoked_keys WHERE id = ?1 ORDER BY seq DESC LIMIT 1))
    ORDER BY day DESC LIMIT ?2`,
} as const

const COUNT = `INSERT INTO key_usage (key_seq, day, accepted, refused) VALUES (?, ?, ?, ?)
  ON CONFLICT (key_seq, day) DO UPDATE
  SET accepted = accepted + excluded.accepted, refused = refused + excluded.refused`

/** What is counted of the use of keys, in SQLite. */
export function createUsageStore(parts: KeyParts): Pick<KeyStore, 'noteUses' | 'usage'> {
  const { database } = parts
  const ofKey = database.statement(USAGE_LOOKUPS.ofKey)
  const note = prepareNote(parts)

  return {
    async noteUses(uses) {
      for (let start = 0; start < uses.length; start += USES_AT_ONCE) {
        const batch = uses.slice(start, start + USES_AT_ONCE)
        await database.change(() => {
          for (const use of batch) note(use)
        })
      }
    },
    async usage(id, days) {
      return database.read(() =>
        ofKey.all(id, days).map(
          (row): DayOfUse => ({
            day: column<number>(row, 0),
            accepted: column<number>(row, 1),
            refused: column<number>(row, 2),
          }),
        ),
      )
    },
  }
}

function prepareNote({ database, news }: KeyParts): (uses: KeyUses) => void {
  const used = database.statement(USAGE_LOOKUPS.used)
  const seqById = database.statement(USAGE_LOOKUPS.seqById)
  const previous = database.statement(USAGE_LOOKUPS.previous)
  const count = database.statement(COUNT)
  return ({ id, lastUsedAt, days }) => {
    const row = lastUsedAt === undefined ? seqById.get(id) : used.get(lastUsedAt, id)
    if (row === undefined) return
    const [seq, fingerprint, idleTimeoutMs] = row
    for (const [day, { accepted, refused }] of days) count.run(Number(seq), day, accepted, refused)
    // Only keys with an idle timeout are judged by their last use, so only they need be read again because of it.
    if (fingerprint === undefined || idleTimeoutMs === null) return
    const others = previous.all(Number(seq)).map((one) => fingerprintOfBytes(one[0]))
    news.keysChanged([fingerprintOfBytes(fingerprint), ...others])
  }
}
