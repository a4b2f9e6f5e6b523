import type { DayOfUse, KeyStore, KeyUses } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { column, fingerprintOfBytes } from './column.ts'
import type { KeyParts } from './key-parts.ts'

/** Keys whose uses one change writes, so that nobody else waits long for the store. */
const USES_AT_ONCE = 500

/** SQL about use, for the test that asks SQLite how it answers it. */
export const USAGE_LOOKUPS = {
  anyIdles: 'SELECT 1 FROM keys WHERE idle_timeout_ms > 0 LIMIT 1',
  idling: 'SELECT fingerprint FROM keys WHERE seq = ? AND idle_timeout_ms > 0',
  byId: 'SELECT seq, created_at FROM keys WHERE id = ?',
  previous: 'SELECT fingerprint FROM previous_secrets WHERE key_seq = ?',
  ofKey: `SELECT day, accepted, refused FROM key_usage
    WHERE key_seq = coalesce((SELECT seq FROM keys WHERE id = ?1),
      (SELECT key_seq FROM revoked_keys WHERE id = ?1 ORDER BY seq DESC LIMIT 1))
    ORDER BY day DESC LIMIT ?2`,
} as const

const USE = `INSERT INTO key_last_uses (key_seq, at) VALUES (?, ?)
  ON CONFLICT (key_seq) DO UPDATE SET at = max(at, excluded.at)`
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
        await database.change(() => note(batch))
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

/** Of uses those that cannot have been of another key of that id, which ended before this one was created. */
function usesSince(createdAt: Instant, uses: KeyUses): KeyUses {
  const { id, since, lastUsedAt } = uses
  if (since >= createdAt) return uses
  return {
    id,
    since,
    days: new Map(),
    ...(lastUsedAt !== undefined && lastUsedAt >= createdAt && { lastUsedAt }),
  }
}

type NotedUses = { readonly seq: number; readonly uses: KeyUses }

function prepareNote({ database, news }: KeyParts): (batch: readonly KeyUses[]) => void {
  const byId = database.statement(USAGE_LOOKUPS.byId)
  const anyIdles = database.statement(USAGE_LOOKUPS.anyIdles)
  const idling = database.statement(USAGE_LOOKUPS.idling)
  const previous = database.statement(USAGE_LOOKUPS.previous)
  const use = database.statement(USE)
  const count = database.statement(COUNT)

  const found = (uses: KeyUses): readonly NotedUses[] => {
    const row = byId.get(uses.id)
    return row === undefined
      ? []
      : [{ seq: column<number>(row, 0), uses: usesSince(column<Instant>(row, 1), uses) }]
  }

  // Only keys with an idle timeout are judged by their last use, so only they need be read again because of it.
  const tell = ({ seq }: NotedUses): void => {
    const row = idling.get(seq)
    if (row === undefined) return
    news.keysChanged([row, ...previous.all(seq)].map((one) => fingerprintOfBytes(one[0])))
  }

  return (batch) => {
    // In the order of the tables, so that neighbours are written together.
    const noted = batch.flatMap(found).sort((one, other) => one.seq - other.seq)
    for (const { seq, uses } of noted) {
      if (uses.lastUsedAt !== undefined) use.run(seq, uses.lastUsedAt)
      for (const [day, { accepted, refused }] of uses.days) count.run(seq, day, accepted, refused)
    }
    if (anyIdles.get() === undefined) return
    for (const each of noted) if (each.uses.lastUsedAt !== undefined) tell(each)
  }
}
