import {
  type CountedLimit,
  type LimitOutcome,
  NEVER_USED,
  NOTHING_TO_COUNT,
  type RateCounters,
  refusalOf,
  statesOf,
} from '../../core/keys/rate-limits.ts'
import type { Instant } from '../../core/record.ts'
import type { PostgresDatabase } from './database.ts'
import { RateCounter } from './rate-counter.ts'
import { type RateBounds, RateReservations } from './rate-reservations.ts'
import { giveBackRate } from './rate-statements.ts'

/** Counters that a node remembers. What it holds of one that is forgotten is lost. */
const COUNTERS_MAX = 100_000

/** How long what the store said last is enough to refuse, or to say where a limit stands, in ms. */
const HEARD_MS = 1_000

/** How long a node counts by itself before it asks again a store that did not answer, in ms. */
const SILENCE_MS = 1_000

/** How often it is looked for what is held and not used, in ms, and how many are given back each time. */
const SWEEP_MS = 500
const GIVEN_BACK_MAX = 500

/** Uses of one counter that may wait; more are refused. */
const WAITING_MAX = 10_000

/** Times that one use asks for what others took before it got there. */
const ATTEMPTS_MAX = 5

/**
 * Counts uses over all nodes: the arrival times of GCRA are in the store, by its clock.
 *
 * Uses that wait on a node are counted by one statement. Where they come often, some more are counted ahead, up to a
 * twentieth of the limit, and come without asking. So all nodes together never admit more than the limit; and fewer only by
 * what some hold and do not use. What is known to be refused is refused without asking.
 *
 * While the store does not answer, each node counts by itself, from where the limit stood.
 */
export class PostgresRateCounters implements RateCounters {
  readonly #database: PostgresDatabase
  readonly #now: () => number
  readonly #reservations: RateReservations
  readonly #counters = new Map<string, RateCounter>()
  readonly #sweep: NodeJS.Timeout
  /** Until when nobody asks, because there was no answer; undefined: there was one. */
  #silentUntil: number | undefined
  /** Which counters counted by themselves for an outcome: others came from what was held, and go back there. */
  readonly #alone = new WeakMap<LimitOutcome, readonly RateCounter[]>()

  constructor(database: PostgresDatabase, bounds: RateBounds) {
    this.#database = database
    this.#now = bounds.now
    this.#reservations = new RateReservations(database, bounds)
    this.#sweep = setInterval(() => void this.#giveBack(this.#now() - SWEEP_MS), SWEEP_MS)
    this.#sweep.unref()
  }

  take(limits: readonly CountedLimit[], cost: number, now: Instant): LimitOutcome | Promise<LimitOutcome> {
    if (limits.length === 0) return NOTHING_TO_COUNT
    const counters = this.#find(limits)
    if (cost === 0) return this.#read(limits, counters, now)
    if (this.#isSilent(counters)) return this.#takeAlone(limits, counters, cost, now)
    // Those who wait were first.
    const isWaitedFor = counters.some(({ waiting, isAsked }) => isAsked || waiting.length > 0)
    const outcome = this.#tryTake(limits, counters, cost, now, isWaitedFor)
    if (outcome !== undefined) return outcome
    if (counters.some(({ waiting }) => waiting.length >= WAITING_MAX))
      return this.#refusal(limits, counters, now)
    return this.#askAndTake(limits, counters, cost, now)
  }

  async preview(limits: readonly CountedLimit[], cost: number, now: Instant): Promise<LimitOutcome> {
    if (limits.length === 0) return NOTHING_TO_COUNT
    const counters = this.#find(limits)
    await this.#hear(counters)
    const arrivalOf = this.#arrivals(limits, counters, now, Number.POSITIVE_INFINITY)
    const refusal = cost === 0 ? undefined : refusalOf(limits, cost, now, arrivalOf)
    return refusal ?? { admitted: true, states: statesOf(limits, now, arrivalOf) }
  }

  giveBack(limits: readonly CountedLimit[], cost: number, taken: LimitOutcome): void {
    const at = this.#now()
    const alone = this.#alone.get(taken)
    for (const counter of this.#find(limits)) {
      if (alone?.includes(counter)) counter.unuseAlone(cost)
      else counter.holdings.unuse(cost, at)
    }
  }

  /** Gives back what is held, where that is safe. */
  async close(): Promise<void> {
    clearInterval(this.#sweep)
    await this.#giveBack(Number.POSITIVE_INFINITY)
  }

  /** The outcome, when it is known without asking. Others only add to what the store said: what it refused is refused. */
  #tryTake(
    limits: readonly CountedLimit[],
    counters: readonly RateCounter[],
    cost: number,
    now: Instant,
    isWaitedFor: boolean,
  ): LimitOutcome | undefined {
    const at = this.#now()
    const refusal = refusalOf(limits, cost, now, this.#arrivals(limits, counters, now, HEARD_MS))
    if (refusal !== undefined) return refusal
    if (isWaitedFor || counters.some((counter) => !counter.canUse(cost, at))) return undefined
    for (const counter of counters) counter.use(cost, at)
    return this.#admission(limits, counters, now)
  }

  async #askAndTake(
    limits: readonly CountedLimit[],
    counters: readonly RateCounter[],
    cost: number,
    now: Instant,
  ): Promise<LimitOutcome> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      let counted: readonly boolean[]
      try {
        counted = await Promise.all(counters.map((counter) => this.#reservations.ask(counter, cost)))
      } catch {
        this.#silentUntil = this.#now() + SILENCE_MS
        return this.#takeAlone(limits, counters, cost, now)
      }
      if (counted.every((isCounted) => isCounted)) return this.#admission(limits, counters, now)
      for (const [index, isCounted] of counted.entries()) {
        if (isCounted) counters[index]?.holdings.unuse(cost, this.#now())
      }
      const refusal = refusalOf(limits, cost, now, this.#arrivals(limits, counters, now, HEARD_MS))
      if (refusal !== undefined) return refusal
    }
    // Others were always faster: so it is too often.
    return this.#refusal(limits, counters, now)
  }

  /** Too many come at the same time. */
  #refusal(limits: readonly CountedLimit[], counters: readonly RateCounter[], now: Instant): LimitOutcome {
    return { ...this.#admission(limits, counters, now), admitted: false, retryAt: now + 1 }
  }

  /** Counts by what is known here. */
  #takeAlone(
    limits: readonly CountedLimit[],
    counters: readonly RateCounter[],
    cost: number,
    now: Instant,
  ): LimitOutcome {
    const at = this.#now()
    const arrivalOf = this.#arrivals(limits, counters, now, Number.POSITIVE_INFINITY)
    const refusal = refusalOf(limits, cost, now, arrivalOf)
    if (refusal !== undefined) return refusal
    const alone = counters.filter((counter) => !counter.canUse(cost, at))
    for (const counter of counters) counter.useAlone(cost, at)
    const outcome = this.#admission(limits, counters, now)
    this.#alone.set(outcome, alone)
    return outcome
  }

  /** Where the limits stand, as far as the store said so lately. */
  #read(
    limits: readonly CountedLimit[],
    counters: readonly RateCounter[],
    now: Instant,
  ): LimitOutcome | Promise<LimitOutcome> {
    const since = this.#now() - HEARD_MS
    const isKnown = this.#isSilent(counters) || counters.every(({ heardAt }) => heardAt >= since)
    if (isKnown) return this.#admission(limits, counters, now)
    return this.#hear(counters).then(() => this.#admission(limits, counters, now))
  }

  /** Whether the store does not answer. Now and then it is asked whether it does again, and nobody waits for that. */
  #isSilent(counters: readonly RateCounter[]): boolean {
    if (this.#silentUntil === undefined) return false
    if (this.#now() >= this.#silentUntil) void this.#hear(counters)
    return this.#silentUntil !== undefined
  }

  async #hear(counters: readonly RateCounter[]): Promise<void> {
    if (this.#silentUntil !== undefined) this.#silentUntil = Number.POSITIVE_INFINITY
    try {
      await this.#reservations.read(counters)
      this.#silentUntil = undefined
    } catch {
      this.#silentUntil = this.#now() + SILENCE_MS
    }
  }

  #admission(limits: readonly CountedLimit[], counters: readonly RateCounter[], now: Instant): LimitOutcome {
    const arrivalOf = this.#arrivals(limits, counters, now, Number.POSITIVE_INFINITY)
    return { admitted: true, states: statesOf(limits, now, arrivalOf) }
  }

  /** Arrival times as far as they were heard within the last `heardMs`. */
  #arrivals(
    limits: readonly CountedLimit[],
    counters: readonly RateCounter[],
    now: Instant,
    heardMs: number,
  ): (counter: string) => number {
    const at = this.#now()
    return (name) => {
      const counter = counters[limits.findIndex((limit) => limit.counter === name)]
      if (counter === undefined || at - counter.heardAt > heardMs) return NEVER_USED
      return counter.arrival(at, now)
    }
  }

  /** What is known of each; what was known of a limit that is another one now is forgotten. */
  #find(limits: readonly CountedLimit[]): readonly RateCounter[] {
    return limits.map((counted) => {
      const known = this.#counters.get(counted.counter)
      if (known?.limit.limit === counted.limit.limit && known.limit.windowMs === counted.limit.windowMs) {
        return known
      }
      if (known === undefined) this.#makeRoom()
      const made = new RateCounter(counted)
      this.#counters.set(counted.counter, made)
      return made
    })
  }

  /** Forgets the oldest that nobody waits for. */
  #makeRoom(): void {
    if (this.#counters.size < COUNTERS_MAX) return
    for (const [name, { waiting, isAsked }] of this.#counters) {
      if (isAsked || waiting.length > 0) continue
      this.#counters.delete(name)
      return
    }
  }

  /** Gives back what is held of limits that were not used since. What cannot be given back flows back. */
  async #giveBack(unusedSince: number): Promise<void> {
    let count = 0
    for (const counter of this.#counters.values()) {
      const { last, waiting, isAsked, usedAt, holdings } = counter
      if (last === undefined || isAsked || waiting.length > 0 || usedAt > unusedSince) continue
      counter.last = undefined
      const at = this.#now()
      // Only what was counted last: what others had counted after what came before relies on when that flows back.
      const unusedMs = holdings.release(last.holding, at)
      if (unusedMs === 0) continue
      const storeTime = last.rate.countedAt + Math.max(0, at - last.cameAt)
      const statement = giveBackRate(last.rate, unusedMs, storeTime)
      await this.#database.changeBy(statement).catch(() => undefined)
      count += 1
      if (count === GIVEN_BACK_MAX) return
    }
  }
}
