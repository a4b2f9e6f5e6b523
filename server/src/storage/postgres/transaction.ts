import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import type { SqlText } from '../../query/sql/sql-text.ts'
import type { Answer, Connection, Row, WireStatement } from './connection.ts'
import { ConnectionError, lostARace, unavailable } from './postgres-error.ts'

/** Times that a transaction is tried before it is given up, when it meets others. */
const ATTEMPTS_MAX = 8

/** Longest pause before it is tried again, in ms, for each attempt so far; drawn at random. */
const PAUSE_MAX_MS = 20

/** How long changes of the schema may take, in ms. */
const SCRIPT_MAX_MS = 24 * 3_600_000

/** What transactions are made with. */
export type TransactionParts = {
  readonly toWire: (statement: SqlText) => WireStatement
  /** Names this opened store to others. */
  readonly writer: string
  readonly onChanges: ChangesHearer
}

/**
 * Hears of what a transaction changed that was committed, or that may have been, before anybody else. `uids` are those of
 * the rows that tell others; none when nobody can tell whether they are there.
 */
export type ChangesHearer = (changes: readonly StoreChange[], uids: readonly string[]) => void

/** A change, and which row tells others of it. */
export type NotedChange = { readonly change: StoreChange; readonly uid: string }

/**
 * A change under way. READ COMMITTED: each statement sees what was committed before it began, and what is to stay as it
 * was seen has to be locked.
 */
export class Transaction {
  readonly #connection: Connection
  readonly #parts: TransactionParts
  /** Statements that nobody waits for but the commit. */
  readonly #sent: Promise<Answer>[] = []
  readonly #noted: NotedChange[] = []

  constructor(connection: Connection, parts: TransactionParts) {
    this.#connection = connection
    this.#parts = parts
    this.#send({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] })
  }

  /** Names this opened store to others. */
  get writer(): string {
    return this.#parts.writer
  }

  /** This node hears of these changes when they are committed. Answers those that were not noted before. */
  note(changes: readonly StoreChange[]): readonly NotedChange[] {
    const news = changes
      .filter((change) => !this.#noted.some((known) => isDeepStrictEqual(known.change, change)))
      .map((change) => ({ change, uid: randomUUID() }))
    this.#noted.push(...news)
    return news
  }

  /** All rows; state a LIMIT where their number is not bounded by nature. */
  async all(statement: SqlText): Promise<readonly Row[]> {
    return (await this.#connection.ask(this.#parts.toWire(statement))).rows
  }

  /** The first row, or undefined. */
  async first(statement: SqlText): Promise<Row | undefined> {
    return (await this.all(statement))[0]
  }

  /** Executes, and answers how many rows it inserted, updated or deleted. */
  async run(statement: SqlText): Promise<number> {
    return (await this.#connection.ask(this.#parts.toWire(statement))).count
  }

  /** Executes without waiting for the answer; when it fails, so does the commit. */
  later(statement: SqlText): void {
    this.#send(this.#parts.toWire(statement))
  }

  /** Executes statements of our own making, however long that takes; answers the rows of the last. */
  async script(text: string): Promise<readonly Row[]> {
    return (await this.#connection.ask({ text, values: [], answerMaxMs: SCRIPT_MAX_MS })).rows
  }

  /** @throws {DomainError} `storage.unavailable` when nobody can tell whether it was committed; PostgreSQL's refusals. */
  async commit(): Promise<void> {
    const committing = this.#connection.ask({ text: 'COMMIT', values: [] })
    const [[committed], sent] = await Promise.all([
      Promise.allSettled([committing]),
      Promise.allSettled(this.#sent),
    ])
    const isStored = committed.status === 'fulfilled' && committed.value.command === 'COMMIT'
    this.#tell(isStored)
    if (committed.status === 'rejected' && committed.reason instanceof ConnectionError) {
      throw unavailable('the connection broke while a change was stored, so that it may be stored or not')
    }
    for (const outcome of [...sent, committed]) if (outcome.status === 'rejected') throw outcome.reason
    if (committed.status === 'fulfilled' && committed.value.command !== 'COMMIT') {
      throw new Error('Cannot commit: the transaction had failed before')
    }
  }

  /** Undoes everything; never throws, since a connection that broke does so by itself. */
  async rollBack(): Promise<void> {
    this.#send({ text: 'ROLLBACK', values: [] })
    await Promise.allSettled(this.#sent)
  }

  /** This node hears of changes also when nobody can tell how the commit ended: then it will hear of them again. */
  #tell(isStored: boolean): void {
    if (this.#noted.length === 0) return
    const uids = isStored ? this.#noted.map(({ uid }) => uid) : []
    this.#parts.onChanges(
      this.#noted.map(({ change }) => change),
      uids,
    )
  }

  #send(statement: WireStatement): void {
    const answer = this.#connection.ask(statement)
    answer.catch(() => undefined)
    this.#sent.push(answer)
  }
}

/**
 * Runs `work` in a transaction, again when it lost a race to others; resolves to what `work` gave when it is committed.
 *
 * @throws Whatever `work`, `Transaction.commit` or PostgreSQL throw; nothing is changed then, unless the error says that it
 *   may be.
 */
export async function inTransaction<T>(
  connection: Connection,
  parts: TransactionParts,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(new Transaction(connection, parts), work)
    } catch (error) {
      if (!lostARace(error) || attempt === ATTEMPTS_MAX) throw error
      await pause(attempt)
    }
  }
}

async function runOnce<T>(
  transaction: Transaction,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  let result: T
  try {
    result = await work(transaction)
  } catch (error) {
    await transaction.rollBack()
    throw error
  }
  await transaction.commit()
  return result
}

/** Waits for a while that differs from node to node, so that they do not march in step. */
export function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MAX_MS * attempt))
}
