import type {
  ChangeLag,
  ChangeListener,
  ChangeOrigin,
  StoreChange,
  StoreChanges,
} from '../../core/ports/store-changes.ts'
import { sql } from '../../query/sql/sql-text.ts'
import type { ThreadChanges } from '../thread-changes.ts'
import { CHANGES_KEPT, ChangeHistory, NEWS } from './change-history.ts'
import type { Connection } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** How a node keeps up with the changes of others. */
export type FeedBounds = {
  /** How often to ask what changed when nobody says that something did, in ms. */
  readonly pollMs: number
  /** How long what is remembered may be trusted after the last question that was answered, in ms. */
  readonly staleAfterMs: number
  /** A clock that only ever goes forward, in ms. */
  readonly now: () => number
  /** What the threads of this process change. */
  readonly threads: ThreadChanges
}

/** Shortest time between two questions, in ms, however often others say that something changed. */
const GAP_MS = 2

/** How long to wait for an answer at least before the connection is taken for broken, in ms. */
const ANSWER_MIN_MS = 500

/** How long changes may be without numbers, in ms: those that come meanwhile are numbered together. */
const NUMBER_AFTER_MS = 50

/** Changes that are numbered in one transaction. */
const NUMBERED_AT_ONCE = 5_000

/** How a connection is made ready; see `WireStatement`. */
const SET_UP = { values: [], answerMaxMs: 2_000 }

const WHO_AND_WHERE = "SELECT pg_backend_pid(), 'latchkey_changes_' || md5(current_schema())"

/**
 * What all nodes on one store change, as this node hears of it.
 *
 * It asks every `pollMs`, and at once when another node says over LISTEN/NOTIFY that there is news: so a wake-up that is
 * lost costs time and nothing else. Whatever was committed before a question was sent is in its answer. Both use one
 * connection, which does nothing else, so that no other work delays them. Without an answer it connects anew.
 */
export class ChangeFeed implements StoreChanges {
  readonly #database: PostgresDatabase
  readonly #bounds: FeedBounds
  readonly #history = new ChangeHistory()
  readonly #listeners = new Set<ChangeListener>()
  #connection: Connection | undefined
  #channel: string | undefined
  #heardAt = Number.NEGATIVE_INFINITY
  #isWoken = false
  #endRest: (() => void) | undefined
  #isClosed = false
  #running: Promise<void> | undefined
  #telling: Promise<void> | undefined
  #tellAgain = false
  #numberTimer: NodeJS.Timeout | undefined
  #numbering: Promise<void> | undefined

  /** Hears of every change of `database` from now on; of those of others once it is started. */
  constructor(database: PostgresDatabase, bounds: FeedBounds) {
    this.#database = database
    this.#bounds = bounds
    database.whenChanged((changes, uids) => {
      this.#history.heardHere(uids)
      for (const change of changes) this.#tell(change, 'this node')
      // Of what may not be stored nothing is acknowledged; and what concerns budgets is not answered from memory.
      if (uids.length > 0 && changes.some(({ kind }) => kind !== 'lease')) bounds.threads.count()
      this.wake()
    })
  }

  /** Starts to ask; resolves after the first attempt, whether or not it was answered. */
  async start(): Promise<void> {
    await this.#ask()
    this.#running = this.#run()
  }

  isFresh(): boolean {
    if (this.isBehind()) {
      this.#wakeUp()
      return false
    }
    return this.#bounds.now() - this.#heardAt < this.#bounds.staleAfterMs
  }

  /** Another thread of this process acknowledged a change that this one has not heard of. */
  isBehind(): boolean {
    return this.#bounds.threads.isBehind()
  }

  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  lag(): ChangeLag {
    return { heardMsAgo: this.#bounds.now() - this.#heardAt, heardSequence: this.#history.last }
  }

  /** Says to all nodes that there is news; many at once are said together. */
  wake(): void {
    if (this.#isClosed) return
    this.#numberSoon()
    if (this.#telling !== undefined) {
      this.#tellAgain = true
      return
    }
    this.#telling = this.#notify().finally(() => {
      this.#telling = undefined
      if (!this.#tellAgain) return
      this.#tellAgain = false
      this.wake()
    })
  }

  /** Asks no more and lets go of the connection. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#numberTimer)
    this.#endRest?.()
    // Whoever waits for an answer that does not come is not waited for.
    this.#connection?.hangUp()
    await Promise.all([this.#running, this.#telling, this.#numbering])
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#rest()
      if (!this.#isClosed) await this.#ask()
    }
    this.#connection?.hangUp()
  }

  /** Waits until it is time to ask again: until it is woken, but for a moment in which others may be heard of as well. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout
      const end = (): void => {
        clearTimeout(timer)
        this.#endRest = undefined
        this.#isWoken = false
        resolve()
      }
      this.#endRest = () => {
        clearTimeout(timer)
        timer = setTimeout(end, this.#isClosed ? 0 : GAP_MS)
      }
      // Nodes that were started together, or that lost the store together, do not ask in step.
      timer = setTimeout(end, this.#isWoken ? GAP_MS : this.#bounds.pollMs * (0.75 + Math.random() / 4))
    })
  }

  readonly #wakeUp = (): void => {
    // Once is enough: were the rest prolonged each time, it would never end while others have a lot of news.
    if (this.#isWoken) return
    this.#isWoken = true
    this.#endRest?.()
  }

  /** Asks what is new. When nobody answers, the next one asks over another connection. */
  async #ask(): Promise<void> {
    try {
      const connection = await this.#connected()
      const { now, threads } = this.#bounds
      const [askedAt, { counted }] = [now(), threads]
      const answerMaxMs = Math.max(ANSWER_MIN_MS, this.#bounds.staleAfterMs)
      const question = { text: NEWS, name: 'latchkey_news', values: [this.#history.from], answerMaxMs }
      const { rows } = await connection.ask(question)
      const { heard, needsNumbers } = this.#history.read(rows)
      // Those of this node as well, when it does not know them to be stored: whoever made them was told that they may be.
      for (const change of heard) this.#tell(change, 'another node')
      this.#heardAt = askedAt
      threads.hear(counted)
      if (needsNumbers) this.#numberSoon()
    } catch {
      // Nothing is trusted that is not heard of in time; `isFresh` says so.
      this.#connection?.hangUp()
    }
  }

  async #connected(): Promise<Connection> {
    if (this.#connection?.isOpen === true) return this.#connection
    const connection = await this.#database.connect()
    this.#connection = connection
    if (this.#isClosed) connection.hangUp()
    // What is done here may be lost: others ask anyway.
    await connection.ask({ ...SET_UP, text: 'SET synchronous_commit = off' })
    await this.#listenTo(connection)
    return connection
  }

  /** Engines and proxies that know no LISTEN leave it at asking. */
  async #listenTo(connection: Connection): Promise<void> {
    const { rows } = await connection.ask({ ...SET_UP, text: WHO_AND_WHERE })
    const [backend, channel] = rows[0] ?? []
    this.#channel = String(channel)
    // What this node changed it knows already.
    connection.whenNotified((from) => {
      if (from !== backend) this.#wakeUp()
    })
    await connection.ask({ ...SET_UP, text: `LISTEN ${this.#channel}` }).catch((error: unknown) => {
      if (!connection.isOpen) throw error
    })
  }

  async #notify(): Promise<void> {
    const [connection, channel] = [this.#connection, this.#channel]
    if (connection?.isOpen !== true || channel === undefined) return
    // In a statement of its own: inside the transactions it would make them all wait for each other.
    await connection.ask({ text: "SELECT pg_notify($1, '')", values: [channel] }).catch(() => undefined)
  }

  #numberSoon(): void {
    if (this.#isClosed || this.#numberTimer !== undefined) return
    this.#numberTimer = setTimeout(() => {
      this.#numbering = this.#number().finally(() => {
        this.#numberTimer = undefined
      })
    }, NUMBER_AFTER_MS)
  }

  /** Changes without a number are heard of all the same, and numbered by whoever sees them again. */
  async #number(): Promise<void> {
    await this.#database
      .changeBy(sql`SELECT number_changes(${NUMBERED_AT_ONCE}::bigint, ${CHANGES_KEPT}::bigint)`)
      .catch(() => undefined)
  }

  /** Whatever one listener does, the others hear of it: what is heard comes no second time. */
  #tell(change: StoreChange, origin: ChangeOrigin): void {
    for (const listener of this.#listeners) {
      try {
        listener(change, origin)
      } catch (error) {
        process.emitWarning(`A listener failed to hear of a change: ${String(error)}`)
      }
    }
  }
}
