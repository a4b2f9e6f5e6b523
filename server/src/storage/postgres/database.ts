import { randomUUID } from 'node:crypto'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { printSql, type SqlText, type SqlValue } from '../../query/sql/sql-text.ts'
import type { Answer, Connection, Row, WireStatement } from './connection.ts'
import {
  ConnectionPool,
  Connector,
  overloaded,
  type PoolState,
  SharedConnections,
} from './connection-pool.ts'
import { asStorageError, isConnectionError, isReadOnly, lostARace } from './postgres-error.ts'
import { Gate, inSnapshot, type Snapshot } from './snapshot.ts'
import {
  type ChangesHearer,
  inTransaction,
  pause,
  type Transaction,
  type TransactionParts,
} from './transaction.ts'

/** Limits of a store in PostgreSQL. */
export type PostgresBounds = {
  /** Connections for changes and long reads; two more are for short reads. */
  readonly connectionsMax: number
  /** Changes that may wait for a connection, and short reads that may be under way on one. */
  readonly waitingMax: number
  /** How long a change waits for a connection, and for the locks of others, in ms. */
  readonly lockWaitMaxMs: number
}

/** What a statement of its own tells of changes. */
export type Telling = {
  /** Of the row that tells others. */
  readonly uid: string
  /** What it changed; nothing when there is no such row. */
  readonly changesOf: (answer: Answer) => readonly StoreChange[]
}

/** Connections that short reads share. */
const SHARED_CONNECTIONS = 2

/** How long to wait for the answer to a short read, in ms; then its connection is taken for broken. */
const SHORT_READ_MAX_MS = 5_000

/** Of the connections for changes and long reads those that snapshots may have at once. */
const SNAPSHOTS_SHARE = 0.5

/** Statements that each connection keeps prepared; what is more is prepared for each use. */
const PREPARED_MAX = 400

/** Times that a read or a change is tried when connections break before anything was changed. */
const ATTEMPTS_MAX = 3

/**
 * A database in PostgreSQL and everything the stores do with it. Every answer comes from a server that takes changes, and
 * sees every change that was acknowledged before it was asked for.
 */
export class PostgresDatabase {
  /** Names this opened store among all that use the same schema; another one each time that it is opened. */
  readonly id: string = randomUUID()
  readonly #connector: Connector
  readonly #shared: SharedConnections
  readonly #pool: ConnectionPool
  readonly #transactions: TransactionParts
  #onChanges: ChangesHearer = () => undefined
  readonly #names = new Map<string, string>()
  readonly #snapshots: Gate
  readonly #waitingMax: number

  /** Connects when it is first used. `urls`: servers of which one takes changes. */
  constructor(urls: readonly string[], bounds: PostgresBounds) {
    const connector = new Connector(urls, bounds.lockWaitMaxMs)
    this.#connector = connector
    this.#transactions = {
      toWire: (statement) => this.#prepared(statement),
      writer: this.id,
      onChanges: (changes, uids) => this.#onChanges(changes, uids),
    }
    this.#shared = new SharedConnections(connector, { ...bounds, connectionsMax: SHARED_CONNECTIONS })
    this.#pool = new ConnectionPool(connector, bounds)
    this.#snapshots = new Gate(Math.max(1, Math.floor(bounds.connectionsMax * SNAPSHOTS_SHARE)))
    this.#waitingMax = bounds.waitingMax
  }

  /** Says who hears of what is changed here, before the promise of the change resolves. One at a time. */
  whenChanged(listener: ChangesHearer): void {
    this.#onChanges = listener
  }

  /** A connection that is the caller's alone, and to be ended by it. @throws {DomainError} `storage.unavailable` */
  connect(): Promise<Connection> {
    return this.#connector.connect()
  }

  /**
   * A short read: by an index, of a few rows. Its text is to be one of few, since it stays prepared.
   *
   * @throws {DomainError} `storage.unavailable`, `server.overloaded`.
   */
  async read(statement: SqlText): Promise<readonly Row[]> {
    const { rows } = await this.readPrepared(this.#prepared(statement))
    return rows
  }

  /** The first row of a short read. @throws As `read`. */
  async first(statement: SqlText): Promise<Row | undefined> {
    return (await this.read(statement))[0]
  }

  /** A short read whose text was made before. @throws As `read`. */
  readPrepared(statement: WireStatement): Promise<Answer> {
    const bounded = { ...statement, answerMaxMs: SHORT_READ_MAX_MS }
    return this.#again(async () => (await this.#shared.take()).ask(bounded), isWorthReadingAgain)
  }

  /** A statement with `$1` and so on, to be read with values of the moment. */
  prepare(text: string): (values: readonly SqlValue[]) => WireStatement {
    const name = this.#nameOf(text)
    return (values) => ({ text, values, ...(name !== undefined && { name }) })
  }

  /** A read that takes long, gives many rows, or whose text is like no other. @throws As `read`. */
  async readMany(statement: SqlText): Promise<readonly Row[]> {
    const wire = toWire(statement)
    const read = () => this.#pool.use((connection) => connection.ask(wire))
    const { rows } = await this.#again(read, isWorthReadingAgain)
    return rows
  }

  /**
   * Reads that all see the store as it was at the first of them. Some connections are left for others meanwhile.
   *
   * @throws As `read`; whatever `work` throws.
   */
  async snapshot<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    if (this.#snapshots.waiting >= this.#waitingMax) throw overloaded(this.#waitingMax)
    const wires = { prepared: (statement: SqlText) => this.#prepared(statement), once: toWire }
    return this.#snapshots.pass(() =>
      this.#again(() => this.#pool.use((connection) => inSnapshot(connection, wires, work))),
    )
  }

  /**
   * A change of one statement, which is a transaction of its own. `telling` tells this node what the statement tells
   * others; see `insertChange`.
   *
   * @throws {DomainError} `server.overloaded`, `storage.unavailable`; what PostgreSQL refuses it with.
   */
  async changeBy(statement: SqlText, telling?: Telling): Promise<Answer> {
    const wire = this.#prepared(statement)
    const answer = await this.#again(
      () => this.#pool.use((connection) => askUnlessRaced(connection, wire)),
      // Nobody can tell whether a statement was executed whose answer never came.
      isReadOnly,
    )
    const changes = telling?.changesOf(answer) ?? []
    if (telling !== undefined && changes.length > 0) this.#onChanges(changes, [telling.uid])
    return answer
  }

  /**
   * Runs `work` in a transaction; resolves to what it gave when that is durable. When `work` throws, all it did is undone.
   * It may run more than once.
   *
   * @throws {DomainError} `server.overloaded`, `storage.unavailable`; whatever `work` throws.
   */
  change<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#again(() =>
      this.#pool.use((connection) =>
        hangingUpOnStandbys(connection, inTransaction(connection, this.#transactions, work)),
      ),
    )
  }

  /** The connections for changes and long reads. */
  connections(): PoolState {
    return this.#pool.state()
  }

  /** Finishes what was accepted, refuses the rest, and lets go of all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#shared.close()])
  }

  /** Tries once more when a connection turned out to be broken, or to lead to a server that takes no changes any more. */
  async #again<T>(work: () => Promise<T>, mayRepeat = isWorthRepeating): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !mayRepeat(error)) throw asStorageError(error)
      }
      await pause(attempt)
    }
  }

  #prepared(statement: SqlText): WireStatement {
    const wire = toWire(statement)
    const name = this.#nameOf(wire.text)
    return name === undefined ? wire : { ...wire, name }
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text)
    if (known !== undefined || this.#names.size >= PREPARED_MAX) return known
    const name = `latchkey_${this.#names.size}`
    this.#names.set(text, name)
    return name
  }
}

function isWorthRepeating(error: unknown): boolean {
  return isConnectionError(error) || isReadOnly(error)
}

/** Also what met a change of where things are; see `partition-keys.ts`. */
function isWorthReadingAgain(error: unknown): boolean {
  return isWorthRepeating(error) || lostARace(error)
}

function toWire(statement: SqlText): WireStatement {
  return { text: printSql(statement, POSTGRES.placeholder), values: statement.values }
}

async function askUnlessRaced(connection: Connection, wire: WireStatement): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await hangingUpOnStandbys(connection, connection.ask(wire))
    } catch (error) {
      if (!lostARace(error) || attempt === RACES_MAX) throw error
      await pause(attempt)
    }
  }
}

/** Times that a statement is tried when it meets others. */
const RACES_MAX = 8

/** A server that takes no changes any more is left, so that the next connection finds the one that does. */
async function hangingUpOnStandbys<T>(connection: Connection, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (isReadOnly(error)) connection.hangUp()
    throw error
  }
}
