import { DomainError } from '../../core/errors.ts'
import { Connection } from './connection.ts'
import { asStorageError, unavailable } from './postgres-error.ts'

/** Limits of a pool. */
export type PoolBounds = {
  /** Connections that are there at once, at most. */
  readonly connectionsMax: number
  /** Requests that may wait for a connection; more are refused with `server.overloaded`. */
  readonly waitingMax: number
  /** How long a request may wait for a connection, and a statement for the locks of others, in ms. */
  readonly lockWaitMaxMs: number
}

/** Pauses between attempts to connect, in ms: the first, and the longest. Drawn at random up to that. */
const PAUSE_MIN_MS = 50
const PAUSE_MAX_MS = 2_000

/** How busy a pool is. */
export type PoolState = {
  /** Connections that are open. */
  readonly connections: number
  readonly connectionsMax: number
  /** Requests that wait for one. */
  readonly waiting: number
}

type Waiting = {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: unknown) => void
}

/** Makes connections to the first of some servers that takes changes, not too often when there is none. */
export class Connector {
  readonly #urls: readonly string[]
  readonly #lockWaitMaxMs: number
  #server = 0
  #failures = 0
  #lastFailure: unknown
  #notBefore = 0
  #trying: Promise<void> | undefined

  constructor(urls: readonly string[], lockWaitMaxMs: number) {
    this.#urls = urls
    this.#lockWaitMaxMs = lockWaitMaxMs
  }

  /**
   * @throws {DomainError} `storage.unavailable`: at once while it is too early to try again, so that nobody waits for what
   *   is not there.
   */
  async connect(): Promise<Connection> {
    // While nothing is known to work, one tries for all.
    while (this.#failures > 0 && this.#trying !== undefined) await this.#trying
    if (this.#failures > 0 && performance.now() < this.#notBefore) throw asStorageError(this.#lastFailure)
    const attempt = this.#tryAll()
    const trying = attempt.then(
      () => undefined,
      () => undefined,
    )
    this.#trying = trying
    try {
      return await attempt
    } finally {
      if (this.#trying === trying) this.#trying = undefined
    }
  }

  async #tryAll(): Promise<Connection> {
    const first = this.#server
    for (const index of this.#urls.keys()) {
      const server = (first + index) % this.#urls.length
      try {
        const connection = await Connection.open(this.#urls[server] ?? '', this.#lockWaitMaxMs)
        this.#server = server
        this.#failures = 0
        return connection
      } catch (error) {
        this.#lastFailure = error
      }
    }
    this.#failures += 1
    const pause = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.#failures)
    this.#notBefore = performance.now() + pause * (0.5 + Math.random() / 2)
    throw asStorageError(this.#lastFailure)
  }
}

/** Connections that are lent to one user at a time, for transactions and long reads. */
export class ConnectionPool {
  readonly #connector: Connector
  readonly #bounds: PoolBounds
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  readonly #waiting: Waiting[] = []
  #connecting = 0
  #lent = 0
  #closed = false
  #whenReturned: (() => void) | undefined

  constructor(connector: Connector, bounds: PoolBounds) {
    this.#connector = connector
    this.#bounds = bounds
  }

  /**
   * Lends a connection to `work`; one that broke is not lent again.
   *
   * @throws {DomainError} `server.overloaded`, `storage.unavailable`; whatever `work` throws.
   */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) throw unavailable('it is closed')
    this.#lent += 1
    try {
      const connection = await this.#take()
      try {
        return await work(connection)
      } finally {
        this.#giveBack(connection)
      }
    } finally {
      this.#lent -= 1
      if (this.#lent === 0) this.#whenReturned?.()
    }
  }

  /** How busy it is now. */
  state(): PoolState {
    const { connectionsMax } = this.#bounds
    return { connections: this.#all.size, connectionsMax, waiting: this.#waiting.length }
  }

  /** Refuses new requests and resolves when those that were accepted are done and all connections ended. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#lent > 0) {
      await new Promise<void>((resolve) => {
        this.#whenReturned = resolve
      })
    }
    const all = [...this.#all]
    this.#all.clear()
    this.#idle.length = 0
    await Promise.all(all.map((connection) => connection.end()))
  }

  async #take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isOpen) return idle
      this.#all.delete(idle)
    }
    if (this.#all.size + this.#connecting >= this.#bounds.connectionsMax) return this.#wait()
    return this.#connect()
  }

  async #connect(): Promise<Connection> {
    this.#connecting += 1
    try {
      const connection = await this.#connector.connect()
      this.#all.add(connection)
      return connection
    } catch (error) {
      // Those who wait would wait for nothing if no connection is left that could be given back.
      if (this.#all.size === 0) for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
      throw error
    } finally {
      this.#connecting -= 1
    }
  }

  #wait(): Promise<Connection> {
    const { waitingMax, lockWaitMaxMs } = this.#bounds
    if (this.#waiting.length >= waitingMax) return Promise.reject(overloaded(waitingMax))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(unavailable(`no connection was free for ${lockWaitMaxMs} ms`))
      }, lockWaitMaxMs)
      const waiting: Waiting = {
        resolve(connection) {
          clearTimeout(timer)
          resolve(connection)
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      }
      this.#waiting.push(waiting)
    })
  }

  #giveBack(connection: Connection): void {
    if (connection.isOpen) {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(connection)
      else next.resolve(connection)
      return
    }
    this.#all.delete(connection)
    if (this.#waiting.length > 0) void this.#replace()
  }

  /** Connects for whoever waits first by then: who waits now may have given up, and nobody must lose the connection. */
  async #replace(): Promise<void> {
    try {
      const connection = await this.#connect()
      if (!this.#closed || this.#waiting.length > 0) return this.#giveBack(connection)
      this.#all.delete(connection)
      connection.hangUp()
    } catch (error) {
      this.#waiting.shift()?.reject(error)
    }
  }
}

/** Connections that short reads share: each is sent at once, and answered after those before it. */
export class SharedConnections {
  readonly #connector: Connector
  readonly #bounds: PoolBounds
  readonly #lines: (Promise<Connection> | undefined)[] = []
  readonly #open: (Connection | undefined)[] = []
  #closed = false

  constructor(connector: Connector, bounds: PoolBounds) {
    this.#connector = connector
    this.#bounds = bounds
  }

  /**
   * The connection with the fewest reads under way.
   *
   * @throws {DomainError} `server.overloaded`, `storage.unavailable`.
   */
  async take(): Promise<Connection> {
    if (this.#closed) throw unavailable('it is closed')
    const connection = this.#leastBusy()
    if (connection === undefined) return this.#connect()
    const { waitingMax } = this.#bounds
    if (connection.unanswered >= waitingMax) throw overloaded(waitingMax)
    return connection
  }

  /** Refuses new reads and resolves when those that were sent are answered. */
  async close(): Promise<void> {
    this.#closed = true
    const lines = await Promise.allSettled(this.#lines)
    await Promise.all(lines.map((line) => (line.status === 'fulfilled' ? line.value?.end() : undefined)))
  }

  /** Undefined when another connection is to be made first. */
  #leastBusy(): Connection | undefined {
    let best: Connection | undefined
    for (let line = 0; line < this.#bounds.connectionsMax; line += 1) {
      const connection = this.#open[line]
      if (connection?.isOpen !== true) return undefined
      if (best === undefined || connection.unanswered < best.unanswered) best = connection
    }
    return best
  }

  #connect(): Promise<Connection> {
    for (let line = 0; line < this.#bounds.connectionsMax; line += 1) {
      if (this.#open[line]?.isOpen === true) continue
      const connecting = this.#lines[line]
      if (this.#open[line] === undefined && connecting !== undefined) return connecting
      return this.#connectLine(line)
    }
    throw new Error('Cannot connect another line: all are open')
  }

  #connectLine(line: number): Promise<Connection> {
    this.#open[line] = undefined
    const connecting = this.#connector.connect()
    this.#lines[line] = connecting
    connecting.then(
      (connection) => {
        this.#open[line] = connection
      },
      () => {
        this.#lines[line] = undefined
      },
    )
    return connecting
  }
}

/** The refusal of a request that would have to wait with too many others. */
export function overloaded(waitingMax: number): DomainError {
  return new DomainError(
    'server.overloaded',
    `Cannot use the PostgreSQL store: ${waitingMax} requests wait for it, and that is the limit`,
    { waitingMax },
  )
}
