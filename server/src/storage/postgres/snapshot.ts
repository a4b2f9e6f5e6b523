import type { SqlText } from '../../query/sql/sql-text.ts'
import type { Answer, Connection, Row, WireStatement } from './connection.ts'

/** Something that reads rows. */
export type RowSource = {
  /** A read that takes long, gives many rows, or whose text is like no other. */
  readMany(statement: SqlText): Promise<readonly Row[]>
}

/** Makes statements ready for the wire: those that are to stay prepared, and all others. */
export type ToWire = {
  readonly prepared: (statement: SqlText) => WireStatement
  readonly once: (statement: SqlText) => WireStatement
}

/** Reads of which each sees the store as it was at the first of them. */
export class Snapshot implements RowSource {
  readonly #connection: Connection
  readonly #toWire: ToWire

  constructor(connection: Connection, toWire: ToWire) {
    this.#connection = connection
    this.#toWire = toWire
    // What is seen is settled once keys are not being split: before, they would not be seen where they are then.
    this.send('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ONLY keys IN ACCESS SHARE MODE')
  }

  /** All rows; its text is to be one of few, since it stays prepared. */
  async all(statement: SqlText): Promise<readonly Row[]> {
    return (await this.#connection.ask(this.#toWire.prepared(statement))).rows
  }

  async readMany(statement: SqlText): Promise<readonly Row[]> {
    return (await this.#connection.ask(this.#toWire.once(statement))).rows
  }

  /** Whoever waits for a later answer learns of a connection that broke. */
  send(text: string): void {
    const answer: Promise<Answer> = this.#connection.ask({ text, values: [] })
    answer.catch(() => undefined)
  }
}

/** Runs reads that see the same state of the store. @throws Whatever `work` and PostgreSQL throw. */
export async function inSnapshot<T>(
  connection: Connection,
  toWire: ToWire,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const snapshot = new Snapshot(connection, toWire)
  try {
    return await work(snapshot)
  } finally {
    snapshot.send('COMMIT')
  }
}

type Waiting = { readonly resolve: () => void }

/** Lets some in at once, and others when one of them has left. */
export class Gate {
  readonly #insideMax: number
  readonly #waiting: Waiting[] = []
  #inside = 0

  constructor(insideMax: number) {
    this.#insideMax = insideMax
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#insideMax) await new Promise<void>((resolve) => this.#waiting.push({ resolve }))
    else this.#inside += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside -= 1
      else next.resolve()
    }
  }
}
