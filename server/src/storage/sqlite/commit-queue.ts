import type { DatabaseSync } from 'node:sqlite'
import { DomainError } from '../../core/errors.ts'
import { asStorageError, isLockedOut, isOutsideOurPower, unavailable } from './sqlite-error.ts'

/** Limits of a commit queue. */
export type CommitQueueBounds = {
  /** Changes that may wait for their commit; more are refused with `server.overloaded`. */
  readonly waitingMax: number
  /** How long a change may wait for another process to give up the write lock, in ms. */
  readonly lockWaitMaxMs: number
}

/** Changes of one transaction at most, so that the event loop gets a turn between. */
const GROUP_MAX = 256

/** Longest pause before the write lock is tried again, in ms; drawn at random, so that processes do not march in step. */
const LOCK_RETRY_MAX_MS = 8

/** Statements other than BEGIN wait this long for the rare locks of recovery and of the last one to close, in ms. */
export const READ_BUSY_TIMEOUT_MS = 2_000

/** How long a store that could not be written counts as failing, in ms. */
export const FAILING_FOR_MS = 10_000

type Waiting = {
  readonly work: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly since: number
}

/** How one change of a group ended; told to its caller only after the commit. */
type Outcome =
  | { readonly done: true; readonly value: unknown }
  | { readonly done: false; readonly error: unknown }

/**
 * Group commit: changes that arrive in one turn of the event loop share one transaction and one fsync, each inside a
 * savepoint of its own, and none is answered before the commit.
 *
 * The write lock is never waited for inside SQLite, which would stop the event loop, but by trying again later.
 */
export class CommitQueue {
  readonly #connection: DatabaseSync
  readonly #bounds: CommitQueueBounds
  #waiting: Waiting[] = []
  #scheduled = false
  #closed = false
  #outageAt = Number.NEGATIVE_INFINITY
  readonly #history = { breaks: 0 }
  #whenIdle: (() => void)[] = []

  constructor(connection: DatabaseSync, bounds: CommitQueueBounds) {
    this.#connection = connection
    this.#bounds = bounds
  }

  /**
   * Whether the file could not be written in the last `FAILING_FOR_MS` before `now`. Some changes may have been, since a
   * full disk takes small ones now and then; and that another process writes, and for long, is no failure.
   */
  isFailing(now = performance.now()): boolean {
    return now - this.#outageAt <= FAILING_FOR_MS
  }

  /**
   * A number that stays the same only while all that was written is still as it was: others may have written since, or
   * what a change wrote may have been undone, when it differs.
   */
  get breaks(): number {
    return this.#history.breaks
  }

  /** Queues a change; see `SqliteDatabase.change`. */
  add<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable('it is closed'))
    if (this.#waiting.length >= this.#bounds.waitingMax) return Promise.reject(this.#overloaded())
    return new Promise<T>((resolve, reject) => {
      // `value` is what `work` gave, so it is a T.
      const resolveUnknown = (value: unknown) => resolve(value as T)
      this.#waiting.push({ work, resolve: resolveUnknown, reject, since: performance.now() })
      this.#schedule()
    })
  }

  /** Refuses new changes and resolves when every accepted one is answered. */
  close(): Promise<void> {
    this.#closed = true
    if (this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#commitNext())
  }

  #commitNext(): void {
    this.#scheduled = false
    if (this.#begin()) this.#answer(this.#waiting.splice(0, GROUP_MAX))
    if (this.#waiting.length > 0) this.#schedule()
    else this.#tellIdle()
  }

  /** Takes the write lock. When that fails, gives up on those who waited too long and comes back for the others. */
  #begin(): boolean {
    try {
      beginImmediate(this.#connection)
      return true
    } catch (error) {
      this.#rejectWaiting(error)
      if (this.#waiting.length > 0) this.#retryLater()
      return false
    }
  }

  #rejectWaiting(error: unknown): void {
    if (!isLockedOut(error)) this.#outageAt = performance.now()
    const oldest = isLockedOut(error)
      ? performance.now() - this.#bounds.lockWaitMaxMs
      : Number.POSITIVE_INFINITY
    const given = this.#waiting.filter((change) => change.since <= oldest)
    this.#waiting = this.#waiting.filter((change) => change.since > oldest)
    const refusal = asStorageError(error)
    for (const change of given) change.reject(refusal)
  }

  #retryLater(): void {
    this.#scheduled = true
    setTimeout(() => this.#commitNext(), Math.random() * LOCK_RETRY_MAX_MS)
  }

  #answer(group: readonly Waiting[]): void {
    this.#history.breaks += 1
    const outcomes = commitGroup(this.#connection, group, this.#history)
    if (outcomes.some(isOutage)) this.#outageAt = performance.now()
    group.forEach((change, index) => {
      const outcome = outcomes[index]
      if (outcome?.done) change.resolve(outcome.value)
      else change.reject(asStorageError(outcome?.error))
    })
  }

  #tellIdle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #overloaded(): DomainError {
    const { waitingMax } = this.#bounds
    return new DomainError(
      'server.overloaded',
      `Cannot store the change: ${waitingMax} others wait for their commit, and that is the limit`,
      { waitingMax },
    )
  }
}

/** BEGIN IMMEDIATE without waiting: throws at once when another connection writes. */
function beginImmediate(connection: DatabaseSync): void {
  connection.exec('PRAGMA busy_timeout = 0')
  try {
    connection.exec('BEGIN IMMEDIATE')
  } finally {
    connection.exec(`PRAGMA busy_timeout = ${READ_BUSY_TIMEOUT_MS}`)
  }
}

/** Runs the group and commits it. When the transaction as a whole fails, so has every change in it. */
function commitGroup(
  connection: DatabaseSync,
  group: readonly Waiting[],
  history: { breaks: number },
): readonly Outcome[] {
  try {
    const outcomes = group.map((change) => {
      const outcome = runInSavepoint(connection, change.work)
      if (!outcome.done) history.breaks += 1
      return outcome
    })
    connection.exec('COMMIT')
    return outcomes
  } catch (error) {
    rollBack(connection)
    return group.map(() => ({ done: false, error }))
  }
}

function isOutage(outcome: Outcome): boolean {
  return !outcome.done && isOutsideOurPower(outcome.error)
}

function runInSavepoint(connection: DatabaseSync, work: () => unknown): Outcome {
  connection.exec('SAVEPOINT change')
  try {
    const value = work()
    connection.exec('RELEASE change')
    return { done: true, value }
  } catch (error) {
    // A full disk and the like end the whole transaction, and then nobody's change is there any more.
    if (!connection.isTransaction) throw error
    connection.exec('ROLLBACK TO change; RELEASE change')
    return { done: false, error }
  }
}

function rollBack(connection: DatabaseSync): void {
  if (connection.isOpen && connection.isTransaction) connection.exec('ROLLBACK')
}
