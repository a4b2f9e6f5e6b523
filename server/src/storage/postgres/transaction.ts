import type { SqlText } from '../../query/sql/sql-text.ts'
import type { Answer, Connection, Row, WireStatement } from './connection.ts'
import { ConnectionError, lostARace, unavailable } from './postgres-error.ts'

/** Times that a transaction is tried before it is given up, when it meets others. */
const ATTEMPTS_MAX = 8

/** Longest pause before it is tried again, in ms, for each attempt so far; drawn at random. */
const PAUSE_MAX_MS = 20

/** How long changes of the schema may take, in ms. */
const SCRIPT_MAX_MS = 24 * 3_600_000

/**
 * A change under way. READ COMMITTED: each statement sees what was committed before it began, and what is to stay as it
 * was seen has to be locked.
 */
export class Transaction {
  readonly #connection: Connection
  readonly #toWire: (statement: SqlText) => WireStatement
  /** Statements that nobody waits for but the commit. */
  readonly #sent: Promise<Answer>[] = []

  constructor(connection: Connection, toWire: (statement: SqlText) => WireStatement) {
    this.#connection = connection
    this.#toWire = toWire
    this.#send({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] })
  }

  /** All rows; state a LIMIT where their number is not bounded by nature. */
  async all(statement: SqlText): Promise<readonly Row[]> {
    return (await this.#connection.ask(this.#toWire(statement))).rows
  }

  /** The first row, or undefined. */
  async first(statement: SqlText): Promise<Row | undefined> {
    return (await this.all(statement))[0]
  }

  /** Executes, and answers how many rows it inserted, updated or deleted. */
  async run(statement: SqlText): Promise<number> {
    return (await this.#connection.ask(this.#toWire(statement))).count
  }

  /** Executes without waiting for the answer; when it fails, so does the commit. */
  later(statement: SqlText): void {
    this.#send(this.#toWire(statement))
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
  toWire: (statement: SqlText) => WireStatement,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(new Transaction(connection, toWire), work)
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
