import type { UserId } from '../../core/ids.ts'
import { analyze } from '../../query/analyzer.ts'
import { BLOCK_DOCUMENTS_MAX, decodePostings, encodePostings, type Posting } from '../posting-block.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase, Statement } from './database.ts'

/** Keys from which on an owner's descriptions are indexed; below, reading them all takes a few ms. */
export const INDEXED_FROM_KEYS = 5_000

/** Keys that are added to the index at once: many share their words, and so the blocks that must be written. */
export const INDEX_BATCH_KEYS = 256

/** What keeps the index in step with the keys; both run inside the change that they belong to. */
export type SearchIndex = {
  /** After a key was stored. `keyCount`: how many its owner has now. */
  afterInsert(owner: UserId, keyCount: number): void
  /** After a key was removed. */
  afterRemove(owner: UserId, seq: number, description: string): void
  /** Adds the next batch of keys that are not in the index yet; false when none waits. */
  indexNext(owner: UserId): boolean
}

const FIND_OWNER = 'SELECT no, indexed_to FROM key_index_owner WHERE owner = ?'
const ADD_OWNER =
  'INSERT INTO key_index_owner (owner, indexed_to, texts, words) VALUES (?, 0, 0, 0) RETURNING no, indexed_to'
const COUNT_IN = `UPDATE key_index_owner
  SET indexed_to = ?, texts = texts + ?, words = words + ? WHERE no = ?`
const COUNT_OUT = 'UPDATE key_index_owner SET texts = texts - 1, words = words - ? WHERE no = ?'
const WAITING = 'SELECT seq, description FROM keys WHERE owner = ? AND seq > ? ORDER BY seq LIMIT ?'
const BATCH_WAITS = `SELECT 1 FROM keys WHERE owner = ? AND seq > ? ORDER BY seq LIMIT 1
  OFFSET ${INDEX_BATCH_KEYS - 1}`
const LAST_BLOCK = `SELECT first_seq, last_seq, key_count, postings FROM key_index_block
  WHERE owner_no = ? AND term = ? ORDER BY first_seq DESC LIMIT 1`
const BLOCK_WITH = `SELECT first_seq, last_seq, key_count, postings FROM key_index_block
  WHERE owner_no = ? AND term = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1`
const PUT_BLOCK = `INSERT INTO key_index_block (owner_no, term, first_seq, last_seq, key_count, postings)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner_no, term, first_seq) DO UPDATE
  SET last_seq = excluded.last_seq, key_count = excluded.key_count, postings = excluded.postings`
const REMOVE_BLOCK = 'DELETE FROM key_index_block WHERE owner_no = ? AND term = ? AND first_seq = ?'

/** Prepares the upkeep of the index of descriptions. */
export function prepareSearchIndex(database: SqliteDatabase): SearchIndex {
  return new SqliteSearchIndex(database)
}

type Owner = { readonly no: number; readonly indexedTo: number }

class SqliteSearchIndex implements SearchIndex {
  readonly #findOwner: Statement
  readonly #addOwner: Statement
  readonly #countIn: Statement
  readonly #countOut: Statement
  readonly #waiting: Statement
  readonly #batchWaits: Statement
  readonly #lastBlock: Statement
  readonly #blockWith: Statement
  readonly #putBlock: Statement
  readonly #removeBlock: Statement

  constructor(database: SqliteDatabase) {
    this.#findOwner = database.statement(FIND_OWNER)
    this.#addOwner = database.statement(ADD_OWNER)
    this.#countIn = database.statement(COUNT_IN)
    this.#countOut = database.statement(COUNT_OUT)
    this.#waiting = database.statement(WAITING)
    this.#batchWaits = database.statement(BATCH_WAITS)
    this.#lastBlock = database.statement(LAST_BLOCK)
    this.#blockWith = database.statement(BLOCK_WITH)
    this.#putBlock = database.statement(PUT_BLOCK)
    this.#removeBlock = database.statement(REMOVE_BLOCK)
  }

  afterInsert(owner: UserId, keyCount: number): void {
    if (keyCount < INDEXED_FROM_KEYS) return
    const { indexedTo } = this.#ownerOf(owner) ?? { indexedTo: 0 }
    if (this.#batchWaits.get(owner, indexedTo) !== undefined) this.indexNext(owner)
  }

  afterRemove(owner: UserId, seq: number, description: string): void {
    const indexed = this.#ownerOf(owner)
    if (indexed === undefined || seq > indexed.indexedTo) return
    const words = postingsOf(seq, description)
    if (words.length === 0) return
    for (const term of words.terms.keys()) this.#removePosting(indexed.no, term, seq)
    this.#countOut.run(words.length, indexed.no)
  }

  indexNext(owner: UserId): boolean {
    const known = this.#ownerOf(owner)
    const indexedTo = known?.indexedTo ?? 0
    const rows = this.#waiting.all(owner, indexedTo, INDEX_BATCH_KEYS)
    const last = rows.at(-1)
    if (last === undefined) return false
    const { no } = known ?? ownerFrom(this.#addOwner.get(owner))
    this.#addKeys(no, rows, column<number>(last, 0))
    return true
  }

  #addKeys(no: number, rows: readonly Row[], indexedTo: number): void {
    const byTerm = new Map<string, Posting[]>()
    let texts = 0
    let words = 0
    for (const row of rows) {
      const { terms, length } = postingsOf(column<number>(row, 0), column<string>(row, 1))
      if (length > 0) texts += 1
      words += length
      for (const [term, posting] of terms) {
        const known = byTerm.get(term)
        if (known === undefined) byTerm.set(term, [posting])
        else known.push(posting)
      }
    }
    for (const [term, postings] of byTerm) this.#append(no, term, postings)
    this.#countIn.run(indexedTo, texts, words, no)
  }

  /** Adds postings behind all others of the term: into its last block while there is room, then into new ones. */
  #append(no: number, term: string, postings: readonly Posting[]): void {
    const last = this.#lastBlock.get(no, term)
    const count = last === undefined ? BLOCK_DOCUMENTS_MAX : column<number>(last, 2)
    const room = BLOCK_DOCUMENTS_MAX - count
    if (last !== undefined && room > 0) {
      const added = postings.slice(0, room)
      const bytes = Buffer.concat([
        column<Uint8Array>(last, 3),
        encodePostings(column<number>(last, 1), added),
      ])
      const lastDocument = added.at(-1)?.document ?? 0
      this.#putBlock.run(no, term, column<number>(last, 0), lastDocument, count + added.length, bytes)
    }
    for (let start = room; start < postings.length; start += BLOCK_DOCUMENTS_MAX) {
      this.#putNewBlock(no, term, postings.slice(start, start + BLOCK_DOCUMENTS_MAX))
    }
  }

  #putNewBlock(no: number, term: string, postings: readonly Posting[]): void {
    const first = postings[0]?.document ?? 0
    const last = postings.at(-1)?.document ?? first
    this.#putBlock.run(no, term, first, last, postings.length, encodePostings(first, postings))
  }

  #removePosting(no: number, term: string, seq: number): void {
    const row = this.#blockWith.get(no, term, seq)
    if (row === undefined) return
    const first = column<number>(row, 0)
    const postings = decodePostings({ first, bytes: column<Uint8Array>(row, 3) })
    const left = postings.filter((posting) => posting.document !== seq)
    if (left.length === postings.length) return
    this.#removeBlock.run(no, term, first)
    if (left.length > 0) this.#putNewBlock(no, term, left)
  }

  #ownerOf(owner: UserId): Owner | undefined {
    const row = this.#findOwner.get(owner)
    return row && ownerFrom(row)
  }
}

function ownerFrom(row: Row | undefined): Owner {
  if (row === undefined) throw new Error('The owner of an index was not stored')
  return { no: column<number>(row, 0), indexedTo: column<number>(row, 1) }
}

/** What the index holds of one description, by term; the length counts every token. */
function postingsOf(
  seq: number,
  description: string,
): { readonly terms: ReadonlyMap<string, Posting>; readonly length: number } {
  const tokens = analyze('standard', description)
  const positions = new Map<string, number[]>()
  for (const token of tokens) {
    const known = positions.get(token.text)
    if (known === undefined) positions.set(token.text, [token.position])
    else known.push(token.position)
  }
  const terms = new Map<string, Posting>()
  for (const [term, at] of positions) {
    terms.set(term, { document: seq, length: tokens.length, positions: at })
  }
  return { terms, length: tokens.length }
}
