import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { keyIdTaken, keyOwnerFull } from '../refusals.ts'
import type { WriteAudit } from './audit-store.ts'
import { fingerprintBytes } from './column.ts'
import type { SqliteDatabase } from './database.ts'
import { KEY_COLUMNS, keyFromRow, keyValues, keyWithFingerprint } from './key-row.ts'
import type { RequireOwner } from './owners.ts'
import { searchKeys } from './search.ts'
import { prepareSearchIndex } from './search-index.ts'

/** SQL of this store's point look-ups, for the test that asks SQLite how it answers them. */
export const KEY_LOOKUPS = {
  // The caller brings the fingerprint, so its BLOB need not be copied out of the row again.
  byFingerprint: `SELECT ${KEY_COLUMNS.replace('fingerprint', 'NULL')} FROM keys WHERE fingerprint = ?`,
  byId: `SELECT ${KEY_COLUMNS} FROM keys WHERE id = ?`,
  takeById: `DELETE FROM keys WHERE id = ? AND owner = ? RETURNING ${KEY_COLUMNS}, seq`,
  idTaken: 'SELECT 1 FROM keys WHERE id = ?',
  countByOwner: 'SELECT key_count FROM owner_stats WHERE owner = ?',
} as const

const INSERT = `INSERT INTO keys (${KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const COUNT_UP = `INSERT INTO owner_stats (owner, key_count) VALUES (?, 1)
  ON CONFLICT (owner) DO UPDATE SET key_count = key_count + 1 RETURNING key_count`
const COUNT_DOWN = 'UPDATE owner_stats SET key_count = key_count - 1 WHERE owner = ?'

/** API keys in SQLite. */
export function createKeyStore(
  database: SqliteDatabase,
  writeAudit: WriteAudit,
  requireOwner: RequireOwner,
): KeyStore {
  const findByFingerprint = database.statement(KEY_LOOKUPS.byFingerprint)
  const findById = database.statement(KEY_LOOKUPS.byId)
  const takeById = database.statement(KEY_LOOKUPS.takeById)
  const findTaken = database.statement(KEY_LOOKUPS.idTaken)
  const findCount = database.statement(KEY_LOOKUPS.countByOwner)
  const insert = database.statement(INSERT)
  const countUp = database.statement(COUNT_UP)
  const countDown = database.statement(COUNT_DOWN)
  const searchIndex = prepareSearchIndex(database)

  const countOf = (owner: UserId) => Number(findCount.get(owner)?.[0] ?? 0)

  function insertNow(key: ApiKey, perOwnerMax: number | undefined): void {
    requireOwner(key.owner)
    if (findTaken.get(key.id) !== undefined) throw keyIdTaken(key.id)
    if (perOwnerMax !== undefined) requireRoom(key.owner, perOwnerMax)
    insert.run(...keyValues(key))
    searchIndex.afterInsert(key.owner, Number(countUp.get(key.owner)?.[0]))
  }

  function requireRoom(owner: UserId, max: number): void {
    const count = countOf(owner)
    if (count >= max) throw keyOwnerFull(owner, count, max)
  }

  return {
    insert(key, perOwnerMax, event) {
      return database.change(() => {
        insertNow(key, perOwnerMax)
        writeAudit(event)
      })
    },
    async findByFingerprint(fingerprint) {
      const row = database.read(() => findByFingerprint.get(fingerprintBytes(fingerprint)))
      return row && keyWithFingerprint(row, fingerprint)
    },
    async findById(id) {
      const row = database.read(() => findById.get(id))
      return row && keyFromRow(row)
    },
    remove(owner, id, event) {
      return database.change(() => {
        const [row] = takeById.all(id, owner)
        if (row === undefined) return undefined
        countDown.run(owner)
        const key = keyFromRow(row)
        searchIndex.afterRemove(owner, Number(row.at(-1)), key.description)
        writeAudit(event)
        return key
      })
    },
    async countByOwner(owner) {
      return database.read(() => countOf(owner))
    },
    search: (owner, search) => searchKeys(database, owner, search),
  }
}
