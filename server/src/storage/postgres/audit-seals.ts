import { chainEvents, NO_PREVIOUS } from '../../core/audit/audit-chain.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { chainedEventFromRow } from '../audit-row.ts'
import { EVENT_COLUMNS } from './audit-columns.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import { violatedUnique } from './postgres-error.ts'
import type { Transaction } from './transaction.ts'

/** Events that one transaction seals. */
const SEALED_AT_ONCE = 1_000

/** Such transactions of one call: of this store's own events, and of what others left. */
const OWN_BATCHES_MAX = 20
const LEFT_BATCHES_MAX = 10

/** What others left is looked for in one call of so many, and at the first. */
const SWEEP_EVERY = 5

/** How old an event is, in ms, when its own store has to be given up and any other one seals it. */
export const LEFT_AFTER_MS = 10_000

/** The index that keeps events from being sealed twice. */
const BY_SEQUENCE = 'audit_seals_by_sequence'

/** The bound is said twice, so that no plan reads seals from the beginning. */
function isNotSealedBehind(from: SqlText): SqlText {
  return sql`NOT EXISTS (SELECT 1 FROM audit_seals
    WHERE audit_seals.sequence = event.sequence AND audit_seals.sequence > ${from})`
}

/**
 * Seals events on the chain of one opened store, in transactions of their own: its own events, and those that others
 * left. Calls must not overlap.
 *
 * Whoever seals an event that another store sealed meanwhile fails as a whole, and finds it gone the next time.
 */
export class AuditSealer {
  readonly #database: PostgresDatabase
  readonly #chain: string
  readonly #leftAfterMs: number
  /** All own events up to this number are sealed: numbers are given in ascending order, to what is committed. */
  #sealedTo: number | undefined
  #calls = 0

  /** `chain`: the UUID that the store writes its events as. */
  constructor(database: PostgresDatabase, chain: string, leftAfterMs = LEFT_AFTER_MS) {
    this.#database = database
    this.#chain = chain
    this.#leftAfterMs = leftAfterMs
  }

  /** Seals what has a number: a bounded part of it. */
  async seal(): Promise<void> {
    await unlessOthersDid(() => this.#sealOwn())
    if (this.#calls % SWEEP_EVERY === 0) await unlessOthersDid(() => this.#sealLeft())
    this.#calls += 1
  }

  async #sealOwn(): Promise<void> {
    const last = Number((await this.#database.first(LAST_SEQUENCE))?.[0])
    this.#sealedTo ??= await this.#beforeFirst()
    if (this.#sealedTo === undefined) return
    for (let batches = 0; batches < OWN_BATCHES_MAX && this.#sealedTo < last; batches += 1) {
      const from: number = this.#sealedTo
      this.#sealedTo = await this.#database.change(async (transaction) => {
        const rows = await transaction.all(ownNotSealed(this.#chain, from, last))
        await this.#sealRows(transaction, rows)
        return rows.length < SEALED_AT_ONCE ? last : column<number>(rows.at(-1) ?? [], 0)
      })
    }
  }

  /** The number before that of the first own event; undefined as long as there is none. */
  async #beforeFirst(): Promise<number | undefined> {
    const first = (await this.#database.first(firstOf(this.#chain)))?.[0]
    return typeof first === 'number' ? first - 1 : undefined
  }

  async #sealLeft(): Promise<void> {
    for (let batches = 0; batches < LEFT_BATCHES_MAX; batches += 1) {
      const count = await this.#database.change(async (transaction) => {
        // One at a time; who comes second need not wait.
        const row = await transaction.first(SEALED_TO)
        if (row === undefined) return 0
        const rows = await transaction.all(leftNotSealed(Number(row[0]), this.#leftAfterMs))
        await this.#sealRows(transaction, rows)
        transaction.later(MOVE_SEALED_TO)
        return rows.length
      })
      if (count < SEALED_AT_ONCE) return
    }
  }

  async #sealRows(transaction: Transaction, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return
    const head = await transaction.first(headOf(this.#chain))
    const after = {
      chain: this.#chain,
      position: head === undefined ? 0 : column<number>(head, 0),
      hash: head === undefined ? NO_PREVIOUS : column<string>(head, 1),
    }
    const seals = chainEvents(rows.map(chainedEventFromRow), after)
    await transaction.run(sql`INSERT INTO audit_seals (chain, position, sequence, hash)
      SELECT ${this.#chain}::uuid, position, sequence, decode(hash, 'hex')
      FROM jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) AS seal (position bigint, sequence bigint, hash text)`)
  }
}

/** An event that two sealed at once belongs to the first of them. */
async function unlessOthersDid(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (violatedUnique(error) !== BY_SEQUENCE) throw error
  }
}

const LAST_SEQUENCE = sql`SELECT last_sequence FROM audit_position`

function firstOf(writer: string): SqlText {
  return sql`SELECT min(sequence) FROM audit_events WHERE writer = ${writer}::uuid`
}

function ownNotSealed(writer: string, from: number, to: number): SqlText {
  return sql`SELECT event.sequence, ${EVENT_COLUMNS} FROM audit_events AS event
    WHERE event.sequence > ${from}::bigint AND event.sequence <= ${to}::bigint AND event.writer = ${writer}::uuid
      AND ${isNotSealedBehind(sql`${from}::bigint`)}
    ORDER BY event.sequence LIMIT ${SEALED_AT_ONCE}::bigint`
}

function leftNotSealed(from: number, leftAfterMs: number): SqlText {
  return sql`SELECT event.sequence, ${EVENT_COLUMNS} FROM audit_events AS event
    WHERE event.sequence > ${from}::bigint AND ${isNotSealedBehind(sql`${from}::bigint`)}
      AND event.added_at <= clock_timestamp() - ${leftAfterMs}::float8 * interval '1 millisecond'
    ORDER BY event.sequence LIMIT ${SEALED_AT_ONCE}::bigint`
}

function headOf(chain: string): SqlText {
  return sql`SELECT position, encode(hash, 'hex') FROM audit_seals WHERE chain = ${chain}::uuid ORDER BY position DESC LIMIT 1`
}

const SEALED_TO = sql`SELECT sealed_to FROM audit_sealing WHERE one = 1 FOR UPDATE SKIP LOCKED`

const MOVE_SEALED_TO = sql`UPDATE audit_sealing SET sealed_to = coalesce(
  (SELECT event.sequence - 1 FROM audit_events AS event WHERE event.sequence > audit_sealing.sealed_to
    AND ${isNotSealedBehind(sql`audit_sealing.sealed_to`)}
    ORDER BY event.sequence LIMIT 1),
  (SELECT last_sequence FROM audit_position)) WHERE one = 1`
