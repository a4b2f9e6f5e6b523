import type { PostgresDatabase } from './database.ts'
import { inTime } from './in-time.ts'
import { unavailable } from './postgres-error.ts'
import type { RateCounter, WaitingUse } from './rate-counter.ts'
import { type Reservation, rateFromRow, readRates, reserve } from './rate-statements.ts'

/** Statements under way at once; what comes meanwhile goes together into the next one. */
const STATEMENTS_MAX = 2

/** Counters in one statement. */
const COUNTED_AT_ONCE = 500

/** Uses come often when one came so shortly before, in ms. */
const OFTEN_MS = 100

/** Limits of a node that counts in the store. */
export type RateBounds = {
  /** How long the store may take to count, in ms, before a node counts by itself. */
  readonly rateWaitMaxMs: number
  /** A clock that only ever goes forward, in ms. */
  readonly now: () => number
}

type Asked = {
  readonly counter: RateCounter
  readonly waiting: readonly WaitingUse[]
  /** Uses that this node held, for those who wait. */
  readonly inHand: number
  readonly reservation: Reservation
}

/** Has uses counted in the store, as many with one statement as wait at that moment. */
export class RateReservations {
  readonly #database: PostgresDatabase
  readonly #bounds: RateBounds
  readonly #dirty = new Set<RateCounter>()
  #statements = 0
  #isScheduled = false

  constructor(database: PostgresDatabase, bounds: RateBounds) {
    this.#database = database
    this.#bounds = bounds
  }

  /**
   * Whether `cost` uses were counted.
   *
   * @throws {DomainError} `storage.unavailable`, `server.overloaded`; also when it took too long.
   */
  ask(counter: RateCounter, cost: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      counter.waiting.push({ cost, resolve, reject })
      this.#dirty.add(counter)
      this.#schedule()
    })
  }

  /** Asks where counters stand. @throws As `ask`. */
  async read(counters: readonly RateCounter[]): Promise<void> {
    const { now } = this.#bounds
    const sentAt = now()
    const rows = await this.#inTime(this.#database.read(readRates(counters.map(({ name }) => name))))
    const rates = new Map(rows.map(rateFromRow).map((rate) => [rate.counter, rate]))
    for (const counter of counters) {
      // What was counted meanwhile is newer.
      if (counter.heardAt <= sentAt) counter.heard(rates.get(counter.name), sentAt)
    }
  }

  /** In a turn of its own: everything that came in this one is there by then. */
  #schedule(): void {
    if (this.#isScheduled || this.#statements >= STATEMENTS_MAX) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      while (this.#statements < STATEMENTS_MAX) {
        const asked = this.#next()
        if (asked.length === 0) return
        void this.#send(asked)
      }
    })
  }

  #next(): readonly Asked[] {
    const asked: Asked[] = []
    const names = new Set<string>()
    for (const counter of this.#dirty) {
      if (asked.length === COUNTED_AT_ONCE) break
      // One that is known with another limit as well goes into another statement.
      if (counter.isAsked || names.has(counter.name)) continue
      names.add(counter.name)
      this.#dirty.delete(counter)
      const one = this.#prepare(counter, counter.waiting.splice(0))
      if (one !== undefined) asked.push(one)
    }
    return asked
  }

  /** Undefined when enough was held. */
  #prepare(counter: RateCounter, waiting: readonly WaitingUse[]): Asked | undefined {
    const { name, limit, holdings, chunk, usedAt } = counter
    const at = this.#bounds.now()
    const total = waiting.reduce((sum, { cost }) => sum + cost, 0)
    const inHand = Math.min(total, holdings.heldAt(at))
    counter.use(inHand, at)
    const need = total - inHand
    if (need === 0) {
      counter.hand(waiting, inHand)
      return undefined
    }
    const least = waiting.reduce((min, { cost }) => Math.min(min, cost), need)
    const ahead = waiting.length > 1 || at - usedAt < OFTEN_MS ? chunk : 0
    const reservation = {
      counter: name,
      limit: limit.limit,
      windowMs: limit.windowMs,
      need,
      unit: least,
      ahead,
    }
    return { counter, waiting, inHand, reservation }
  }

  async #send(asked: readonly Asked[]): Promise<void> {
    this.#statements += 1
    for (const { counter } of asked) counter.isAsked = true
    try {
      await this.#inTime(this.#count(asked))
    } catch (error) {
      // Also those that are counted later after all: nobody waits for that.
      for (const { waiting } of asked) for (const { reject } of waiting) reject(error)
    } finally {
      for (const { counter } of asked) counter.isAsked = false
      this.#statements -= 1
      if (this.#dirty.size > 0) this.#schedule()
    }
  }

  async #count(asked: readonly Asked[]): Promise<void> {
    const byName = new Map(asked.map((one) => [one.counter.name, one]))
    const sentAt = this.#bounds.now()
    const { rows } = await this.#database.changeBy(reserve(asked.map(({ reservation }) => reservation)))
    const cameAt = this.#bounds.now()
    for (const rate of rows.map(rateFromRow)) {
      const one = byName.get(rate.counter)
      if (one === undefined) continue
      const { counter, waiting, inHand } = one
      counter.counted(rate, sentAt, cameAt)
      const handed = counter.hand(waiting, inHand + rate.granted)
      if (handed >= inHand) counter.use(handed - inHand, sentAt)
      else counter.holdings.unuse(inHand - handed, cameAt)
    }
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return inTime(answer, this.#bounds.rateWaitMaxMs, () => {
      throw unavailable('it takes too long to count uses')
    })
  }
}
