import type { UserId } from '../../core/ids.ts'
import { type PackedWords, WordPacker, wordsOf } from '../word-packer.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase, Statement } from './database.ts'
import { IndexMerge } from './index-merge.ts'
import { IndexSegments } from './index-segments.ts'

/** Keys from which on an owner's descriptions are indexed; below, reading them all takes a few ms. */
export const INDEXED_FROM_KEYS = 5_000

/** Keys that are added to the index at once, which makes a segment of it. */
export const INDEX_BATCH_KEYS = 256

/** Characters of descriptions from which on no more keys are added at once. */
const BATCH_CHARACTERS = 65_536

/** Of so many creates one looks whether a batch waits. A prime, so that owners who create in turns all have theirs. */
const LOOKS_EVERY = 17

/** What keeps the index in step with the keys; all of it runs inside the change that it belongs to. */
export type SearchIndex = {
  /** After a key was stored. `keyCount`: how many its owner has now. */
  afterInsert(owner: UserId, keyCount: number): void
  /** After a key was removed. */
  afterRemove(owner: UserId, seq: number, description: string): void
  /** After a key was stored again in its old place: one that had been removed, or has another description now. */
  afterReturn(owner: UserId, seq: number, description: string): void
  /** Adds the next batch of keys that are not in the index yet; false when none waits. */
  indexNext(owner: UserId): boolean
}

/** SQL of the upkeep, for the test that asks SQLite how it finds what it is about. */
export const UPKEEP_STATEMENTS = {
  owner: 'SELECT no, indexed_to, keys FROM key_index_owner WHERE owner = ?',
  waiting: 'SELECT seq, description FROM keys WHERE owner = ? AND seq > ? ORDER BY seq LIMIT ?',
  countBatch: `UPDATE key_index_owner
    SET indexed_to = ?, keys = keys + ?, texts = texts + ?, words = words + ? WHERE no = ?`,
  countOne: 'UPDATE key_index_owner SET keys = keys + ?, texts = texts + ?, words = words + ? WHERE no = ?',
} as const

const ADD_OWNER = `INSERT INTO key_index_owner (owner, indexed_to, keys, texts, words) VALUES (?, 0, 0, 0, 0)
  RETURNING no, indexed_to, keys`

/** Prepares the upkeep of the index of descriptions. */
export function prepareSearchIndex(database: SqliteDatabase): SearchIndex {
  return new SqliteSearchIndex(database)
}

type Owner = { readonly no: number; readonly indexedTo: number; readonly keys: number }

const NOT_INDEXED = { keys: 0 }

class SqliteSearchIndex implements SearchIndex {
  readonly #findOwner: Statement
  readonly #addOwner: Statement
  readonly #countBatch: Statement
  readonly #countOne: Statement
  readonly #waiting: Statement
  readonly #segments: IndexSegments
  readonly #merge: IndexMerge
  #created = 0

  constructor(database: SqliteDatabase) {
    this.#findOwner = database.statement(UPKEEP_STATEMENTS.owner)
    this.#addOwner = database.statement(ADD_OWNER)
    this.#countBatch = database.statement(UPKEEP_STATEMENTS.countBatch)
    this.#countOne = database.statement(UPKEEP_STATEMENTS.countOne)
    this.#waiting = database.statement(UPKEEP_STATEMENTS.waiting)
    this.#segments = new IndexSegments(database)
    this.#merge = new IndexMerge(database, this.#segments)
  }

  afterInsert(owner: UserId, keyCount: number): void {
    if (keyCount < INDEXED_FROM_KEYS) return
    this.#created += 1
    if (this.#created % LOOKS_EVERY > 0) return
    const { keys } = this.#ownerOf(owner) ?? NOT_INDEXED
    if (keyCount - keys >= INDEX_BATCH_KEYS) this.indexNext(owner)
  }

  afterRemove(owner: UserId, seq: number, description: string): void {
    const indexed = this.#ownerOf(owner)
    if (indexed === undefined || seq > indexed.indexedTo) return
    const { byTerm, words } = wordsOf(seq, description)
    for (const term of byTerm.keys()) this.#segments.removePosting(indexed.no, term, seq)
    this.#countOne.run(-1, words > 0 ? -1 : 0, -words, indexed.no)
  }

  afterReturn(owner: UserId, seq: number, description: string): void {
    const indexed = this.#ownerOf(owner)
    if (indexed === undefined || seq > indexed.indexedTo) return
    const { byTerm, words } = wordsOf(seq, description)
    for (const [term, posting] of byTerm) this.#segments.addPosting(indexed.no, term, posting)
    this.#countOne.run(1, words > 0 ? 1 : 0, words, indexed.no)
  }

  indexNext(owner: UserId): boolean {
    const known = this.#ownerOf(owner)
    const rows = this.#nextBatch(owner, known?.indexedTo ?? 0)
    const first = rows[0]
    const last = rows.at(-1)
    if (first === undefined || last === undefined) return false
    const { no } = known ?? ownerFrom(this.#addOwner.get(owner))
    const range = { first: column<number>(first, 0), last: column<number>(last, 0) }
    const { chunks, texts, words } = packWords(rows)
    if (chunks.length > 0) this.#segments.append(this.#segments.add(no, range), chunks)
    this.#countBatch.run(range.last, rows.length, texts, words, no)
    this.#merge.step(no)
    return true
  }

  #nextBatch(owner: UserId, after: number): readonly Row[] {
    const rows = this.#waiting.all(owner, after, INDEX_BATCH_KEYS)
    let characters = 0
    const count = rows.findIndex((row) => {
      characters += column<string>(row, 1).length
      return characters >= BATCH_CHARACTERS
    })
    return count < 0 ? rows : rows.slice(0, count + 1)
  }

  #ownerOf(owner: UserId): Owner | undefined {
    const row = this.#findOwner.get(owner)
    return row && ownerFrom(row)
  }
}

function ownerFrom(row: Row | undefined): Owner {
  if (row === undefined) throw new Error('The owner of an index was not stored')
  return { no: column<number>(row, 0), indexedTo: column<number>(row, 1), keys: column<number>(row, 2) }
}

function packWords(rows: readonly Row[]): PackedWords {
  const packer = new WordPacker()
  for (const row of rows) packer.add(column<number>(row, 0), column<string>(row, 1))
  return packer.finish()
}
