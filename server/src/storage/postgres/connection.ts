import { Client, types } from 'pg'
import { storedText, textOfStored } from '../../query/sql/postgres.ts'
import type { SqlValue } from '../../query/sql/sql-text.ts'
import { asConnectionError, ConnectionError } from './postgres-error.ts'

/** One row: its values in the order of the statement's columns. Types are the schema's. */
export type Row = readonly unknown[]

/** A statement as it goes over the wire. */
export type WireStatement = {
  readonly text: string
  readonly values: readonly SqlValue[]
  /** What the server knows it by from its first use on a connection; absent: it is forgotten. */
  readonly name?: string
  /** How long to wait for the answer, in ms. 35,000. */
  readonly answerMaxMs?: number
}

/** What a statement gave. */
export type Answer = {
  readonly rows: readonly Row[]
  /** Rows that it inserted, updated, deleted or selected. */
  readonly count: number
  /** What was executed, such as `COMMIT`. */
  readonly command: string
}

/** How long one statement may take, in ms; PostgreSQL ends it then. */
export const STATEMENT_MAX_MS = 30_000

/** How long to wait for an answer, in ms: a server that does not even say that it took too long is gone. */
const ANSWER_MAX_MS = STATEMENT_MAX_MS + 5_000

/** How long to wait for a connection to one server, in ms. */
const CONNECT_MAX_MS = 5_000

/** How long the network may be silent before it is asked whether the other end is still there, in ms. */
const KEEP_ALIVE_AFTER_MS = 10_000

/** How long a transaction of ours may do nothing, in ms: its node is gone, and others may wait for its locks. */
const IDLE_IN_TRANSACTION_MAX_MS = 30_000

/**
 * Asks whether changes are taken, and makes sure that a commit is durable before it is answered. Servers that wait for
 * more than their own disk go on doing so. Compiling a statement takes longer than any of ours gains by it.
 */
const INTRODUCE = `SELECT current_setting('transaction_read_only'),
  CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', FALSE) END,
  set_config('jit', 'off', FALSE)`

/** One connection to a server that takes changes. Statements are sent at once and answered in order: a pipeline. */
export class Connection {
  readonly #client: Client
  #isOpen = true
  #unanswered = 0

  /** @throws {ConnectionError} or what PostgreSQL says. */
  static async open(url: string, lockWaitMaxMs: number): Promise<Connection> {
    const connection = new Connection(createClient(url, lockWaitMaxMs))
    try {
      await connection.#client.connect()
      const { rows } = await connection.ask({ text: INTRODUCE, values: [], answerMaxMs: CONNECT_MAX_MS })
      if (rows[0]?.[0] !== 'off') throw new ConnectionError('the server is a standby and takes no changes')
      return connection
    } catch (error) {
      connection.hangUp()
      throw asConnectionError(error)
    }
  }

  private constructor(client: Client) {
    this.#client = client
    const noteEnd = () => {
      this.#isOpen = false
    }
    // Whoever waits for an answer is told by its promise.
    client.on('error', noteEnd)
    client.on('end', noteEnd)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Statements that were sent and not answered yet. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** Calls `listener` with the `pg_backend_pid()` of whoever notifies a channel that this connection listens to. */
  whenNotified(listener: (backend: number) => void): void {
    this.#client.on('notification', ({ processId }) => listener(processId))
  }

  /** @throws {ConnectionError} or what PostgreSQL says. */
  async ask({ text, values, name, answerMaxMs }: WireStatement): Promise<Answer> {
    this.#unanswered += 1
    try {
      const query = {
        text,
        values: values.map(parameterOf),
        rowMode: 'array' as const,
        ...(name !== undefined && { name }),
        ...(answerMaxMs !== undefined && { query_timeout: answerMaxMs }),
      }
      const given = await this.#client.query<unknown[]>(query)
      // Several statements in one text give an array.
      const result = [given].flat().at(-1) ?? given
      return { rows: result.rows, count: result.rowCount ?? 0, command: result.command }
    } catch (error) {
      const known = asConnectionError(error)
      if (known instanceof ConnectionError) this.hangUp()
      throw known
    } finally {
      this.#unanswered -= 1
    }
  }

  /** Says goodbye when everything was answered. */
  async end(): Promise<void> {
    this.#isOpen = false
    await this.#client.end()
  }

  /** Breaks the connection off. The server undoes what was not committed. */
  hangUp(): void {
    this.#isOpen = false
    this.#client.connection.stream.destroy()
  }
}

function createClient(url: string, lockWaitMaxMs: number): Client {
  return new Client({
    connectionString: url,
    pipeline: true,
    types: { getTypeParser: parserOf },
    fallback_application_name: 'latchkey',
    connectionTimeoutMillis: CONNECT_MAX_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    statement_timeout: STATEMENT_MAX_MS,
    lock_timeout: lockWaitMaxMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MAX_MS,
    query_timeout: ANSWER_MAX_MS,
  })
}

function parameterOf(value: SqlValue): SqlValue {
  return typeof value === 'string' ? storedText(value) : value
}

// https://www.postgresql.org/docs/current/catalog-pg-type.html
const BIGINT = 20
const TEXTS: readonly number[] = [25, 1042, 1043]

/** How columns become values: whole numbers are ours and below 2^53, and texts may stand for others. */
function parserOf(oid: number, format?: 'text' | 'binary') {
  if (oid === BIGINT) return Number
  return TEXTS.includes(oid) ? textOfStored : types.getTypeParser(oid, format)
}
