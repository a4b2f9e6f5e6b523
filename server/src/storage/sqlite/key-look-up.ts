import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { withNotes } from '../../core/keys/key-notes.ts'
import type { RateLimit } from '../../core/keys/policy.ts'
import { column, fingerprintBytes } from './column.ts'
import type { Row, SqliteDatabase, Statement } from './database.ts'
import type { KeyMemory } from './key-memory.ts'
import type { KeyNews } from './key-news.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow, keyWithFingerprint } from './key-row.ts'
import { REVOKED_COLUMNS, revokedKeyFromRow } from './revoked-keys.ts'
import { asStorageError } from './sqlite-error.ts'

const LIMITS = '(SELECT limits FROM owner_limits WHERE owner_limits.owner = keys.owner)'

/** SQL of the look-up, for the test that asks SQLite how it answers it. */
export const KEY_LOOK_UP = {
  // The caller brings the fingerprint, so its BLOB need not be copied out of the row again.
  byFingerprint: `SELECT ${KEY_COLUMNS.replace('fingerprint', 'NULL')}, ${LIMITS} FROM keys WHERE fingerprint = ?`,
  bySeq: `SELECT ${KEY_COLUMNS}, ${LIMITS} FROM keys WHERE seq = ?`,
  previous: 'SELECT key_seq, good_from, good_until FROM previous_secrets WHERE fingerprint = ?',
  revoked: `SELECT ${REVOKED_COLUMNS} FROM revoked_keys WHERE fingerprint = ? ORDER BY seq DESC LIMIT 1`,
  revokedBySeq: `SELECT ${REVOKED_COLUMNS} FROM revoked_keys WHERE key_seq = ?`,
} as const

/** Looks fingerprints up, in memory first; what it answers is frozen, and identical until it changes. */
export class KeyLookUp {
  readonly #memory: KeyMemory
  readonly #news: KeyNews
  readonly #byFingerprint: Statement
  readonly #bySeq: Statement
  readonly #previous: Statement
  readonly #revoked: Statement
  readonly #revokedBySeq: Statement

  constructor(database: SqliteDatabase, memory: KeyMemory, news: KeyNews) {
    this.#memory = memory
    this.#news = news
    this.#byFingerprint = database.statement(KEY_LOOK_UP.byFingerprint)
    this.#bySeq = database.statement(KEY_LOOK_UP.bySeq)
    this.#previous = database.statement(KEY_LOOK_UP.previous)
    this.#revoked = database.statement(KEY_LOOK_UP.revoked)
    this.#revokedBySeq = database.statement(KEY_LOOK_UP.revokedBySeq)
  }

  /** @throws {DomainError} `storage.unavailable` */
  find(fingerprint: Fingerprint): FoundKey | undefined {
    try {
      this.#news.catchUp()
      const live = this.#memory.recall(fingerprint)
      if (live !== undefined) return live
      const ended = this.#memory.recallEnd(fingerprint)
      if (ended !== undefined) return ended.found
      const found = this.#load(fingerprint)
      this.#memory.remember(fingerprint, found)
      return found
    } catch (error) {
      throw asStorageError(error)
    }
  }

  #load(fingerprint: Fingerprint): FoundKey | undefined {
    const bytes = fingerprintBytes(fingerprint)
    const row = this.#byFingerprint.get(bytes)
    if (row !== undefined) {
      const key = keyWithFingerprint(row, fingerprint)
      return withNotes({ key, ...goodFrom(key.goodFrom), ...ownerLimits(row) })
    }
    const previous = this.#previous.get(bytes)
    if (previous !== undefined) return this.#loadPrevious(previous)
    const revoked = this.#revoked.get(bytes)
    if (revoked === undefined) return undefined
    const { key, revocation } = revokedKeyFromRow(revoked)
    return withNotes({ key, ...goodFrom(key.goodFrom), revocation })
  }

  #loadPrevious(previous: Row): FoundKey | undefined {
    const keySeq = column<number>(previous, 0)
    const times = { ...goodFrom(column<number | null>(previous, 1)), goodUntil: column<number>(previous, 2) }
    const row = this.#bySeq.get(keySeq)
    if (row !== undefined) return withNotes({ key: keyFromRow(row), ...times, ...ownerLimits(row) })
    const revoked = this.#revokedBySeq.get(keySeq)
    return revoked && withNotes({ ...revokedKeyFromRow(revoked), ...times })
  }
}

function goodFrom(at: number | null | undefined): Pick<FoundKey, 'goodFrom'> {
  return at === null || at === undefined ? {} : { goodFrom: at }
}

function ownerLimits(row: Row): Pick<FoundKey, 'ownerLimits'> {
  const text = column<string | null>(row, KEY_COLUMN_COUNT)
  return text === null ? {} : { ownerLimits: JSON.parse(text) as readonly RateLimit[] }
}
