import type { Row, SqliteDatabase, Statement } from './database.ts'

/** Records of one kind kept in memory; the oldest are dropped first, and lose their identity then. */
const CACHED_MAX = 10_000

const BUMP = 'UPDATE access_revision SET value = value + 1 WHERE one = 1 RETURNING value'

/** Knows whether roles, profiles and who holds them in memory may still be trusted; see `SqliteDatabase.dataVersion`. */
export class AccessFreshness {
  readonly #database: SqliteDatabase
  readonly #findRevision: Statement
  readonly #bumpRevision: Statement
  #dataVersion = -1
  #revision = -1
  #generation = 0

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#findRevision = database.statement('SELECT value FROM access_revision WHERE one = 1')
    this.#bumpRevision = database.statement(BUMP)
  }

  /** A number that is the same as before only while nothing changed since. */
  generation(): number {
    this.#check()
    return this.#generation
  }

  /** Says that this process changes something, inside the change. */
  invalidate(): void {
    this.#generation += 1
  }

  /** Says, inside the change, that this process changes something; answers the revision that it gets. */
  nextRevision(): number {
    this.invalidate()
    return Number(this.#bumpRevision.get()?.[0])
  }

  #check(): void {
    const dataVersion = this.#database.dataVersion()
    if (dataVersion === this.#dataVersion) return
    const revision = Number(this.#findRevision.get()?.[0])
    if (revision !== this.#revision) this.invalidate()
    this.#revision = revision
    this.#dataVersion = dataVersion
  }
}

type Cached<T> = { readonly value: T; readonly revision: number; generation: number }

/**
 * Records by id, answered from memory while nothing changed, as the identical object while the record itself did not.
 *
 * `find` gives a row whose last column is the record's revision.
 */
export class AccessCache<Id extends string, T> {
  readonly #freshness: AccessFreshness
  readonly #find: Statement
  readonly #fromRow: (row: Row) => T
  readonly #cached = new Map<Id, Cached<T>>()

  constructor(freshness: AccessFreshness, find: Statement, fromRow: (row: Row) => T) {
    this.#freshness = freshness
    this.#find = find
    this.#fromRow = fromRow
  }

  find(id: Id): T | undefined {
    const generation = this.#freshness.generation()
    const cached = this.#cached.get(id)
    if (cached?.generation === generation) return cached.value
    return this.#load(id, generation, cached)
  }

  #load(id: Id, generation: number, cached: Cached<T> | undefined): T | undefined {
    const row = this.#find.get(id)
    if (row === undefined) {
      this.#cached.delete(id)
      return undefined
    }
    const revision = Number(row.at(-1))
    if (cached?.revision === revision) {
      cached.generation = generation
      return cached.value
    }
    const value = this.#fromRow(row)
    this.#cached.set(id, { value, revision, generation })
    if (this.#cached.size > CACHED_MAX) this.#forgetOldest()
    return value
  }

  #forgetOldest(): void {
    for (const id of this.#cached.keys()) {
      this.#cached.delete(id)
      return
    }
  }
}
