import type { KeyId, UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { keyIdTaken, keyOwnerFull } from '../refusals.ts'
import { column, fingerprintBytes } from './column.ts'
import type { SqliteDatabase, Statement } from './database.ts'
import {
  KEY_COLUMN_COUNT,
  KEY_COLUMNS,
  KEY_PLACEHOLDERS,
  keyFromRow,
  keyValues,
  STORED_KEY_COLUMNS,
} from './key-row.ts'
import type { RequireOwner } from './owners.ts'
import { prepareSearchIndex, type SearchIndex } from './search-index.ts'

/** SQL that finds what it writes, for the test that asks SQLite how it does. */
export const KEY_WRITES = {
  byId: `SELECT ${KEY_COLUMNS}, seq FROM keys WHERE id = ?`,
  idTaken: 'SELECT 1 FROM keys WHERE id = ?',
  fingerprintTaken: 'SELECT 1 FROM keys WHERE fingerprint = ?',
  countByOwner: 'SELECT key_count FROM owner_stats WHERE owner = ?',
  countOthersByOwner: 'SELECT key_count - knox_count FROM owner_stats WHERE owner = ?',
  countDown: 'UPDATE owner_stats SET key_count = key_count - 1, knox_count = knox_count - ? WHERE owner = ?',
  replace: `UPDATE keys SET (${STORED_KEY_COLUMNS}) = (${KEY_PLACEHOLDERS}) WHERE seq = ?`,
  renumberCredits: 'UPDATE key_credits SET key_seq = ? WHERE key_seq = ?',
  renumberUsage: 'UPDATE key_usage SET key_seq = ? WHERE key_seq = ?',
  renumberLastUse: 'UPDATE key_last_uses SET key_seq = ? WHERE key_seq = ?',
  renumberPrevious: 'UPDATE previous_secrets SET key_seq = ? WHERE key_seq = ?',
  renumberMac: 'UPDATE legacy_macs SET key_seq = ? WHERE key_seq = ?',
} as const

const INSERT = `INSERT INTO keys (${STORED_KEY_COLUMNS}) VALUES (${KEY_PLACEHOLDERS}) RETURNING seq`
const COUNT_UP = `INSERT INTO owner_stats (owner, key_count, knox_count) VALUES (?, 1, ?)
  ON CONFLICT (owner) DO UPDATE SET key_count = key_count + 1, knox_count = knox_count + excluded.knox_count
  RETURNING key_count`

/** A key and where it is. */
export type StoredKey = { readonly key: ApiKey; readonly seq: number }

/** Writes keys with all that is counted and indexed of them; inside a change only. */
export class KeyWriter {
  readonly #requireOwner: RequireOwner
  readonly #searchIndex: SearchIndex
  readonly #byId: Statement
  readonly #idTaken: Statement
  readonly #fingerprintTaken: Statement
  readonly #countByOwner: Statement
  readonly #countOthersByOwner: Statement
  readonly #countUp: Statement
  readonly #countDown: Statement
  readonly #insert: Statement
  readonly #replace: Statement
  readonly #renumber: readonly Statement[]

  constructor(database: SqliteDatabase, requireOwner: RequireOwner) {
    this.#requireOwner = requireOwner
    this.#searchIndex = prepareSearchIndex(database)
    this.#byId = database.statement(KEY_WRITES.byId)
    this.#idTaken = database.statement(KEY_WRITES.idTaken)
    this.#fingerprintTaken = database.statement(KEY_WRITES.fingerprintTaken)
    this.#countByOwner = database.statement(KEY_WRITES.countByOwner)
    this.#countOthersByOwner = database.statement(KEY_WRITES.countOthersByOwner)
    this.#countUp = database.statement(COUNT_UP)
    this.#countDown = database.statement(KEY_WRITES.countDown)
    this.#insert = database.statement(INSERT)
    this.#replace = database.statement(KEY_WRITES.replace)
    this.#renumber = [
      KEY_WRITES.renumberCredits,
      KEY_WRITES.renumberUsage,
      KEY_WRITES.renumberLastUse,
      KEY_WRITES.renumberPrevious,
      KEY_WRITES.renumberMac,
    ].map((text) => database.statement(text))
  }

  find(id: KeyId): StoredKey | undefined {
    const row = this.#byId.get(id)
    return row && { key: keyFromRow(row), seq: column<number>(row, KEY_COLUMN_COUNT) }
  }

  countOf(owner: UserId): number {
    return Number(this.#countByOwner.get(owner)?.[0] ?? 0)
  }

  /** @throws {DomainError} `user.not_found`, `key.id_taken`, `key.owner_full`. */
  requireRoomFor({ id, owner, family }: ApiKey, perOwnerMax: number | undefined): void {
    if (family !== 'knox') this.#requireOwner(owner)
    if (this.#idTaken.get(id) !== undefined) throw keyIdTaken(id)
    if (perOwnerMax === undefined || family === 'knox') return
    const count = Number(this.#countOthersByOwner.get(owner)?.[0] ?? 0)
    if (count >= perOwnerMax) throw keyOwnerFull(owner, count, perOwnerMax)
  }

  isTaken(fingerprint: Fingerprint): boolean {
    return this.#fingerprintTaken.get(fingerprintBytes(fingerprint)) !== undefined
  }

  /** Stores a key behind all others; answers its `seq`. */
  insert(key: ApiKey): number {
    const seq = Number(this.#insert.get(...keyValues(key))?.[0])
    this.#searchIndex.afterInsert(key.owner, Number(this.#countUp.get(key.owner, knoxCount(key))?.[0]))
    return seq
  }

  /** Stores another state of a key, which keeps its place among the others. */
  replace({ seq, key: old }: StoredKey, key: ApiKey): void {
    const isReworded = old.description !== key.description
    if (isReworded) this.#searchIndex.afterRemove(old.owner, seq, old.description)
    this.#replace.run(...keyValues(key), seq)
    if (isReworded) this.#searchIndex.afterReturn(key.owner, seq, key.description)
  }

  /** A key is in `keys` no longer. */
  removed({ seq, key }: StoredKey): void {
    this.#countDown.run(knoxCount(key), key.owner)
    this.#searchIndex.afterRemove(key.owner, seq, key.description)
  }

  /** Gives what belongs to a key by its old `seq` to the new one. */
  renumber(from: number, to: number): void {
    for (const statement of this.#renumber) statement.run(to, from)
  }
}

/** How many keys of Knox's family a key is. */
function knoxCount({ family }: ApiKey): number {
  return family === 'knox' ? 1 : 0
}
