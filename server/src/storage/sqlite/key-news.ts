import type { UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { ChangeListener, StoreChange } from '../../core/ports/store-changes.ts'
import { column, fingerprintBytes, fingerprintOfBytes } from './column.ts'
import type { Row, SqliteDatabase, Statement } from './database.ts'
import type { KeyMemory } from './key-memory.ts'

/** Changes that are kept for other connections; one that fell behind further forgets all that it remembers. */
export const KEY_CHANGES_KEPT = 10_000

/** SQL that reads the news, for the test that asks SQLite how it answers it. */
export const KEY_NEWS_LOOKUPS = {
  latest: `SELECT coalesce((SELECT max(seq) FROM keys), 0),
    coalesce((SELECT max(sequence) FROM key_changes), 0)`,
  since: 'SELECT sequence, writer, fingerprints, owner FROM key_changes WHERE sequence > ? ORDER BY sequence',
} as const

const INSERT = 'INSERT INTO key_changes (writer, fingerprints, owner) VALUES (?, ?, ?) RETURNING sequence'
const TRIM = 'DELETE FROM key_changes WHERE sequence <= ?'

const FINGERPRINT_BYTES = 32

/** So many different connections can hardly be told apart by chance alone, and all fit a number. */
const WRITERS = 2 ** 48

/**
 * Keeps what one connection remembers of keys true, whoever changes them: its own changes are forgotten inside the change,
 * which no look-up of this thread can see half done; those of others are read before memory is asked.
 */
export class KeyNews {
  readonly #database: SqliteDatabase
  readonly #memory: KeyMemory
  readonly #latest: Statement
  readonly #since: Statement
  readonly #insert: Statement
  readonly #trim: Statement
  readonly #writer = Math.floor(Math.random() * WRITERS)
  readonly #listeners = new Set<ChangeListener>()
  readonly #untold: StoreChange[] = []
  #dataVersion = Number.NaN
  #lastKey = 0
  #lastChange = 0

  constructor(database: SqliteDatabase, memory: KeyMemory) {
    this.#database = database
    this.#memory = memory
    this.#latest = database.statement(KEY_NEWS_LOOKUPS.latest)
    this.#since = database.statement(KEY_NEWS_LOOKUPS.since)
    this.#insert = database.statement(INSERT)
    this.#trim = database.statement(TRIM)
  }

  /** To be called before memory is asked: forgets what other connections changed since. */
  catchUp(): void {
    const dataVersion = this.#database.dataVersion()
    if (dataVersion === this.#dataVersion) return
    const latest = this.#latest.get() ?? []
    const [lastKey, lastChange] = [column<number>(latest, 0), column<number>(latest, 1)]
    if (Number.isNaN(this.#dataVersion)) this.#lastChange = lastChange
    else if (lastKey !== this.#lastKey) this.#memory.forgetEnded()
    if (lastChange !== this.#lastChange) this.#forgetChanged(lastChange)
    this.#lastKey = lastKey
    this.#dataVersion = dataVersion
    // Last of all: who hears of a change may look up what it concerns, which comes back here.
    const untold = this.#untold.splice(0)
    for (const change of untold) for (const listener of this.#listeners) listener(change, 'another node')
  }

  /** Calls the listener with what other connections changed, whenever `catchUp` finds out; answers what ends that. */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sessions ended before their time; inside the change. Nobody remembers sessions, but some want to hear of their end. */
  sessionsEnded(fingerprints: readonly Fingerprint[]): void {
    if (fingerprints.length > 0) this.#note(Buffer.concat(fingerprints.map(fingerprintBytes)), null)
  }

  /** A key was stored; inside the change. */
  keyCreated(fingerprint: Fingerprint): void {
    this.#memory.forgetEnd(fingerprint)
  }

  /** What these fingerprints lead to is something else now; inside the change. */
  keysChanged(fingerprints: readonly Fingerprint[]): void {
    for (const fingerprint of fingerprints) this.#memory.forget(fingerprint)
    this.#note(Buffer.concat(fingerprints.map(fingerprintBytes)), null)
  }

  /** What all fingerprints of an owner lead to is something else now; inside the change. */
  ownerChanged(owner: UserId): void {
    this.#memory.forgetOwner(owner)
    this.#note(null, owner)
  }

  /** As `ownerChanged`, for all owners. */
  everythingChanged(): void {
    this.#memory.forgetAll()
    this.#note(null, null)
  }

  #note(fingerprints: Uint8Array | null, owner: UserId | null): void {
    const row = this.#insert.get(this.#writer, fingerprints, owner) ?? []
    this.#trim.run(column<number>(row, 0) - KEY_CHANGES_KEPT)
  }

  #forgetChanged(lastChange: number): void {
    const rows = this.#since.all(this.#lastChange)
    const next = rows[0]?.[0]
    if (next !== this.#lastChange + 1) {
      this.#memory.forgetAll()
      this.#tell({ kind: 'everything' })
    } else for (const row of rows) this.#forgetRow(row)
    this.#lastChange = Number(rows.at(-1)?.[0] ?? lastChange)
  }

  #forgetRow(row: Row): void {
    if (column<number>(row, 1) === this.#writer) return
    const fingerprints = column<Uint8Array<ArrayBuffer> | null>(row, 2)
    const owner = column<UserId | null>(row, 3)
    if (owner !== null) this.#memory.forgetOwner(owner)
    else if (fingerprints === null) this.#memory.forgetAll()
    else {
      this.#memory.forgetEnded()
      for (const fingerprint of fingerprintsIn(fingerprints)) this.#memory.forget(fingerprint)
    }
    if (owner !== null) this.#tell({ kind: 'owner', owner })
    else if (fingerprints === null) this.#tell({ kind: 'everything' })
    else this.#tell({ kind: 'keys', fingerprints: fingerprintsIn(fingerprints) })
  }

  #tell(change: StoreChange): void {
    if (this.#listeners.size > 0) this.#untold.push(change)
  }
}

function fingerprintsIn(bytes: Uint8Array<ArrayBuffer>): readonly Fingerprint[] {
  const fingerprints: Fingerprint[] = []
  for (let at = 0; at < bytes.length; at += FINGERPRINT_BYTES) {
    fingerprints.push(fingerprintOfBytes(bytes.subarray(at, at + FINGERPRINT_BYTES)))
  }
  return fingerprints
}
