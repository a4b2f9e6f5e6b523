import type { KeyStore } from '../../core/ports/key-store.ts'
import { column, fingerprintOfBytes, optionalJson } from './column.ts'
import { CREDITS_LOOKUPS } from './credits-store.ts'
import type { Row, SqliteDatabase } from './database.ts'
import type { KeyParts } from './key-parts.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import { PREVIOUS_LOOKUPS, preparePreviousSecrets } from './previous-secrets.ts'

/** Rows of each kind that one purge removes at most, so that nobody waits long for it. */
const PURGED_AT_ONCE = 500

/** SQL of the purge, for the test that asks SQLite how it answers it. */
export const PURGE_LOOKUPS = {
  revoked:
    'SELECT seq, key_seq, fingerprint FROM revoked_keys WHERE revoked_at < ? ORDER BY revoked_at LIMIT ?',
  removeRevoked: 'DELETE FROM revoked_keys WHERE seq = ?',
  use: 'SELECT key_seq, day FROM key_usage WHERE day < ? ORDER BY day LIMIT ?',
  removeUse: 'DELETE FROM key_usage WHERE key_seq = ? AND day = ?',
  removeUseOfKey: 'DELETE FROM key_usage WHERE key_seq = ?',
  removeLastUse: 'DELETE FROM key_last_uses WHERE key_seq = ?',
  expiredKnox: `SELECT ${KEY_COLUMNS}, seq FROM keys WHERE family = 'knox' AND expires_at < ?
    ORDER BY expires_at LIMIT ?`,
  removeKey: 'DELETE FROM keys WHERE seq = ?',
  removeMac: 'DELETE FROM legacy_macs WHERE key_seq = ?',
  setPrevious: 'UPDATE keys SET previous = ? WHERE seq = ? RETURNING fingerprint',
  setPreviousOfRevoked: 'UPDATE revoked_keys SET previous = ? WHERE key_seq = ?',
} as const

const DAY_MS = 86_400_000

/** Forgets what nobody needs any more, in SQLite. */
export function createKeyPurge(parts: KeyParts): Pick<KeyStore, 'purge'> {
  const { database } = parts
  const ended = database.statement(PREVIOUS_LOOKUPS.ended)
  const revoked = database.statement(PURGE_LOOKUPS.revoked)
  const use = database.statement(PURGE_LOOKUPS.use)
  const removeUse = database.statement(PURGE_LOOKUPS.removeUse)
  const expiredKnox = database.statement(PURGE_LOOKUPS.expiredKnox)
  const removeKey = prepareRemoveKey(parts)
  const removeSecret = prepareRemoveSecret(parts)
  const removeRevoked = prepareRemoveRevoked(parts)

  return {
    async purge({ now, revokedBefore, usedBefore, knoxExpiredBefore }) {
      const firstDayKept = Math.floor(usedBefore / DAY_MS)
      const isClean = (most: number) =>
        ended.get(now, most) === undefined &&
        revoked.get(revokedBefore, most) === undefined &&
        use.get(firstDayKept, most) === undefined &&
        (knoxExpiredBefore === undefined || expiredKnox.get(knoxExpiredBefore, most) === undefined)
      // Most of the time there is nothing to do, which takes no turn at the write lock.
      if (database.read(() => isClean(1))) return
      await database.change(() => {
        for (const row of ended.all(now, PURGED_AT_ONCE)) removeSecret(row)
        removeRevoked(revoked.all(revokedBefore, PURGED_AT_ONCE))
        if (knoxExpiredBefore !== undefined) {
          for (const row of expiredKnox.all(knoxExpiredBefore, PURGED_AT_ONCE)) removeKey(row)
        }
        for (const row of use.all(firstDayKept, PURGED_AT_ONCE)) {
          removeUse.run(column<number>(row, 0), column<number>(row, 1))
        }
      })
    },
  }
}

/** Removes an earlier secret, of a key or of one that was revoked. */
function prepareRemoveSecret({ database, news }: KeyParts): (row: Row) => void {
  const secrets = preparePreviousSecrets(database)
  const remove = database.statement(PREVIOUS_LOOKUPS.remove)
  const setPrevious = database.statement(PURGE_LOOKUPS.setPrevious)
  const setPreviousOfRevoked = database.statement(PURGE_LOOKUPS.setPreviousOfRevoked)
  return (row) => {
    const keySeq = column<number>(row, 1)
    remove.run(column<number>(row, 0))
    const left = secrets.ofKey(keySeq)
    const json = optionalJson(left.length === 0 ? undefined : left)
    const key = setPrevious.get(json, keySeq)
    if (key === undefined) setPreviousOfRevoked.run(json, keySeq)
    const others = left.map((secret) => secret.fingerprint)
    const changed = key === undefined ? [row[2]] : [row[2], key[0]]
    news.keysChanged([...changed.map(fingerprintOfBytes), ...others])
  }
}

/** Removes keys that were revoked, with everything that would have come back with them. */
function prepareRemoveRevoked({ database, news }: KeyParts): (rows: readonly Row[]) => void {
  const remove = prepareRemoveBelongings(database)
  const removeRevoked = database.statement(PURGE_LOOKUPS.removeRevoked)
  return (rows) => {
    if (rows.length === 0) return
    for (const row of rows) {
      remove(column<number>(row, 1))
      removeRevoked.run(column<number>(row, 0))
    }
    news.keysChanged(rows.map((row) => fingerprintOfBytes(row[2])))
  }
}

/** Removes a key with everything that belongs to it. */
function prepareRemoveKey({ database, news, writer }: KeyParts): (row: Row) => void {
  const remove = database.statement(PURGE_LOOKUPS.removeKey)
  const removeBelongings = prepareRemoveBelongings(database)
  return (row) => {
    const key = keyFromRow(row)
    const seq = column<number>(row, KEY_COLUMN_COUNT)
    remove.run(seq)
    removeBelongings(seq)
    writer.removed({ seq, key })
    news.keysChanged([key.fingerprint, ...(key.previous ?? []).map((secret) => secret.fingerprint)])
  }
}

/** Removes what belongs to a key by its `seq`. */
function prepareRemoveBelongings(database: SqliteDatabase): (keySeq: number) => void {
  const statements = [
    PURGE_LOOKUPS.removeUseOfKey,
    PURGE_LOOKUPS.removeLastUse,
    PURGE_LOOKUPS.removeMac,
    CREDITS_LOOKUPS.remove,
    PREVIOUS_LOOKUPS.removeOfKey,
  ].map((text) => database.statement(text))
  return (keySeq) => {
    for (const statement of statements) statement.run(keySeq)
  }
}
