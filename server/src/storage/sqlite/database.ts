import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { CommitQueue, type CommitQueueBounds } from './commit-queue.ts'
import { asStorageError } from './sqlite-error.ts'

/** What can be bound to a `?`. */
export type SqlValue = null | number | string | Uint8Array

/** One row: its values in the order of the statement's columns. Tables are STRICT, so types are the schema's. */
export type Row = readonly SQLOutputValue[]

/** A prepared statement. Every call reads or writes to the end and leaves nothing open. */
export type Statement = {
  /** The first row, or undefined. */
  get(...values: SqlValue[]): Row | undefined
  /** All rows; state a LIMIT where their number is not bounded by nature. */
  all(...values: SqlValue[]): readonly Row[]
  /** Executes, and answers how many rows it inserted, updated or deleted. */
  run(...values: SqlValue[]): number
}

/** Prepared statements that are kept; the least recently asked for are dropped first. */
const STATEMENTS_MAX = 500

/**
 * One open SQLite file and everything the stores do with it.
 *
 * Reads run at once and see every commit, also of other processes. Changes wait for the group commit. All of it is
 * synchronous on one connection, so a read can never meet a half-done group.
 */
export class SqliteDatabase {
  readonly #connection: DatabaseSync
  readonly #commits: CommitQueue
  readonly #statements = new Map<string, Statement>()
  readonly #readDataVersion: Statement
  #dataVersion = Number.NaN
  #dataVersionIsFresh = false

  constructor(connection: DatabaseSync, bounds: CommitQueueBounds) {
    this.#connection = connection
    this.#commits = new CommitQueue(connection, bounds)
    this.#readDataVersion = prepare(connection, 'PRAGMA data_version')
  }

  /**
   * The prepared form of a statement, made once for each SQL text.
   *
   * Values never go into the text: bind them. Stores prepare theirs once and hold on to them.
   */
  statement(sql: string): Statement {
    const known = this.#statements.get(sql)
    const statement = known ?? prepare(this.#connection, sql)
    if (known !== undefined) this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > STATEMENTS_MAX) this.#forgetOldestStatement()
    return statement
  }

  /**
   * Runs reads now.
   *
   * Work that spans several calls of `read` with an `await` between them may see different states of the store:
   * page by `seq` and fetch each page whole.
   *
   * @throws {DomainError} `storage.unavailable`; whatever `work` throws.
   */
  read<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /**
   * Runs `work` in a transaction that it shares with the other changes of this turn of the event loop; resolves to
   * what `work` gave when that transaction is on disk.
   *
   * `work` reads and writes through statements, synchronously; when it throws, all it did is undone, what others
   * did stays, and the promise rejects with what it threw. It runs at most once.
   *
   * @throws {DomainError} `server.overloaded`, `storage.unavailable`; whatever `work` throws.
   */
  change<T>(work: () => T): Promise<T> {
    return this.#commits.add(work)
  }

  /** Inside a change: what was read or written at the same number is still so; see `CommitQueue`. */
  get breaks(): number {
    return this.#commits.breaks
  }

  /** Whether the file could not be written just now; see `CommitQueue`. */
  get isFailing(): boolean {
    return this.#commits.isFailing()
  }

  /**
   * A number that differs from the last answer when another connection committed something in between.
   *
   * SQLite is asked once for each callback of the event loop, with the promises that follow from it. That is enough:
   * news of a commit, such as a request that follows from its answer, can reach this thread through a new callback only.
   */
  dataVersion(): number {
    if (this.#dataVersionIsFresh) return this.#dataVersion
    this.#dataVersion = Number(this.#readDataVersion.get()?.[0])
    this.#dataVersionIsFresh = true
    process.nextTick(this.#outdateDataVersion)
    return this.#dataVersion
  }

  /**
   * To be called when something that was read is itself news of a commit, such as that a row is gone: the next
   * `dataVersion` asks SQLite again.
   */
  expectNews(): void {
    this.#dataVersionIsFresh = false
  }

  readonly #outdateDataVersion = (): void => {
    this.#dataVersionIsFresh = false
  }

  /** Commits what was accepted, refuses the rest, and lets go of the file. */
  async close(): Promise<void> {
    await this.#commits.close()
    this.#statements.clear()
    if (this.#connection.isOpen) this.#connection.close()
  }

  #forgetOldestStatement(): void {
    for (const sql of this.#statements.keys()) {
      this.#statements.delete(sql)
      return
    }
  }
}

function prepare(connection: DatabaseSync, sql: string): Statement {
  const prepared: StatementSync = connection.prepare(sql)
  // Arrays spare node:sqlite one object with named members for each row: a sixth of a point look-up.
  prepared.setReturnArrays(true)
  return {
    get: (...values) => prepared.get(...values) as unknown as Row | undefined,
    all: (...values) => prepared.all(...values) as unknown as readonly Row[],
    run: (...values) => Number(prepared.run(...values).changes),
  }
}
