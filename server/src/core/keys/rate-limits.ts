import type { Instant } from '../record.ts'
import type { RateLimit } from './policy.ts'
import type { LimitState } from './verdict.ts'

/** A limit, and the name of what it counts: `key:<id>:<name>` or `owner:<owner>:<name>`. */
export type CountedLimit = { readonly counter: string; readonly limit: RateLimit }

/** How an attempt to count a use went. */
export type LimitOutcome = {
  readonly admitted: boolean
  /** Of every limit that was asked, in that order, after the use was counted, if it was. */
  readonly states: readonly LimitState[]
  /** The first instant at which the same use would be admitted, if no other came; absent: never, or it was. */
  readonly retryAt?: Instant
}

/**
 * Counts uses against rate limits.
 *
 * Every limit admits at most `limit` uses at once, and in any time that passes, however it is cut out, at most
 * `limit + floor(elapsed * limit / windowMs)`: the burst, and what flows back meanwhile (GCRA, ITU-T I.371). So one
 * window may see up to twice the limit, after a pause, and `n` windows in a row no more than `n + 1` times the limit.
 */
export interface RateCounters {
  /**
   * Counts `cost` uses against all of the limits, or against none when any of them refuses. A cost above a limit is
   * always refused; cost 0 counts nothing, is always admitted, and so reads. No counter may be named twice.
   *
   * A promise only when others have to be asked. Counters of several nodes never admit more than that; how much less, and
   * what they do when nobody answers, is said where they are made.
   */
  take(limits: readonly CountedLimit[], cost: number, now: Instant): LimitOutcome | Promise<LimitOutcome>
  /** What `take` would answer; counts nothing. `states` are as they are. */
  preview(limits: readonly CountedLimit[], cost: number, now: Instant): LimitOutcome | Promise<LimitOutcome>
  /**
   * Undoes a `take` that was admitted, because the use was refused after all; `taken` is what `take` answered. What
   * flowed back by itself in the meantime is not given again: never too much, and at most a ms too little.
   */
  giveBack(limits: readonly CountedLimit[], cost: number, taken: LimitOutcome, now: Instant): void
}

/** Counters of one process, which never have to ask anybody. */
export interface LocalRateCounters extends RateCounters {
  take(limits: readonly CountedLimit[], cost: number, now: Instant): LimitOutcome
  preview(limits: readonly CountedLimit[], cost: number, now: Instant): LimitOutcome
}

/**
 * Counters in the memory of this process, at most `countersMax`.
 *
 * Counters that are as if never used are dropped as others come. When all are in use, a new one takes the place of the
 * one that would be unused first, among the next `EVICTION_SAMPLE` in a round: nobody is refused for want of memory,
 * and what is forgotten is at most one burst of that limit. Only stored keys have counters, so strangers cannot fill it.
 */
export function createRateCounters(options: { readonly countersMax: number }): LocalRateCounters {
  const arrivals = new Map<string, number>()
  const round = createRound(arrivals)
  const arrivalOf = (counter: string): number => arrivals.get(counter) ?? NEVER_USED

  const count = ({ counter, limit }: CountedLimit, cost: number, now: Instant): void => {
    const next = gcra(arrivalOf(counter), limit, cost, now)
    if (next === undefined) return
    if (!arrivals.has(counter)) round.makeRoom(options.countersMax, now)
    arrivals.set(counter, next)
  }

  return {
    take(limits, cost, now) {
      if (limits.length === 0) return NOTHING_TO_COUNT
      const refusal = cost === 0 ? undefined : refusalOf(limits, cost, now, arrivalOf)
      if (refusal !== undefined) return refusal
      if (cost > 0) {
        for (const limit of limits) count(limit, cost, now)
      }
      return { admitted: true, states: statesOf(limits, now, arrivalOf) }
    },
    preview(limits, cost, now) {
      if (limits.length === 0) return NOTHING_TO_COUNT
      const refusal = cost === 0 ? undefined : refusalOf(limits, cost, now, arrivalOf)
      return refusal ?? { admitted: true, states: statesOf(limits, now, arrivalOf) }
    },
    giveBack(limits, cost, { states }, now) {
      for (const [index, { counter, limit }] of limits.entries()) {
        const arrival = arrivals.get(counter)
        const state = states[index]
        if (arrival === undefined || state === undefined) continue
        arrivals.set(counter, arrival - refundMs(limit, cost, state, now))
      }
    },
  }
}

/**
 * The Generic Cell Rate Algorithm: from the theoretical arrival time of a counter, the next one when `cost` uses are
 * admitted at `now`, or undefined when they are refused.
 *
 * The time is in ms since `COUNTING_EPOCH`, and `NEVER_USED` at first. It is rounded to the time that a use takes
 * within a fraction of the window, so that nothing is gained or lost over any number of uses, for limits up to
 * `EXACT_LIMIT_MAX`. Above, each use is counted exact to 2^-14 ms.
 *
 * A time that is further ahead than the window comes from a clock that was set back, or a limit that was longer: it
 * counts as used up at `now`, so nobody is locked out for longer than a window, and nobody gains by it.
 */
export function gcra(arrival: number, limit: RateLimit, cost: number, now: Instant): number | undefined {
  if (cost > limit.limit) return undefined
  const debt = debtOf(arrival, limit, now) + cost * limit.windowMs
  if (debt > limit.limit * limit.windowMs) return undefined
  return now - COUNTING_EPOCH + debt / limit.limit
}

/**
 * By how much an arrival time is to be set back at `now`, so that `cost` uses have not come: all the time that they
 * take, but for what passed since all that came before them was used up. `state` is that right after they were counted.
 *
 * Never too much, so that nobody gains by uses that are refused, and at most a ms too little, and that only when some
 * was used before.
 */
export function refundMs(
  { limit, windowMs }: RateLimit,
  cost: number,
  { remaining, resetAt }: LimitState,
  now: Instant,
): number {
  const takenMs = (cost * windowMs) / limit
  // Only whole ms are known of `resetAt`. When nothing was used before, it is counted from when they came.
  const passedMs =
    remaining === limit - cost ? now - resetAt + Math.ceil(takenMs) : now - resetAt + takenMs + 1
  return Math.max(0, takenMs - Math.max(0, passedMs))
}

/** Where a limit stands at `now`. */
export function limitState(arrival: number, limit: RateLimit, now: Instant): LimitState {
  const debt = debtOf(arrival, limit, now)
  return {
    name: limit.name,
    limit: limit.limit,
    remaining: Math.floor((limit.limit * limit.windowMs - debt) / limit.windowMs),
    resetAt: now + Math.ceil(debt / limit.limit),
  }
}

/** The first instant at which `cost` uses would be admitted, if nothing came before; undefined: never. */
export function admissionAt(
  arrival: number,
  limit: RateLimit,
  cost: number,
  now: Instant,
): Instant | undefined {
  if (cost > limit.limit) return undefined
  const excess = debtOf(arrival, limit, now) + (cost - limit.limit) * limit.windowMs
  return now + Math.ceil(Math.max(0, excess) / limit.limit)
}

/** January 1st 2026: counting from there leaves more digits for fractions of ms than counting from 1970. */
export const COUNTING_EPOCH: Instant = 1_767_225_600_000

/** The arrival time of a counter that does not exist. */
export const NEVER_USED = Number.NEGATIVE_INFINITY

/** Largest limit that is counted without any rounding until the year 2043. */
export const EXACT_LIMIT_MAX = 4_096

/** Counters that are looked at when one more is wanted and all are in use. */
export const EVICTION_SAMPLE = 64

/** Counters that are looked at when one more is wanted and there is room: twice as many as come. */
const SWEEP_STEP = 2

/**
 * What is used of a limit at `now`, as a whole number: each use is `windowMs`, and each ms gives `limit` back.
 */
function debtOf(arrival: number, { limit, windowMs }: RateLimit, now: Instant): number {
  const aheadMs = arrival - (now - COUNTING_EPOCH)
  if (aheadMs <= 0) return 0
  return Math.min(Math.round(aheadMs * limit), limit * windowMs)
}

/** What `take` answers when there are no limits. */
export const NOTHING_TO_COUNT: LimitOutcome = Object.freeze({ admitted: true, states: Object.freeze([]) })

/** Where each of the limits stands at `now`; `arrivalOf` gives the arrival time of a counter. */
export function statesOf(
  limits: readonly CountedLimit[],
  now: Instant,
  arrivalOf: (counter: string) => number,
): readonly LimitState[] {
  return limits.map(({ counter, limit }) => limitState(arrivalOf(counter), limit, now))
}

/** What `take` answers when any of the limits refuses; undefined when none does. */
export function refusalOf(
  limits: readonly CountedLimit[],
  cost: number,
  now: Instant,
  arrivalOf: (counter: string) => number,
): LimitOutcome | undefined {
  let isRefused = false
  let retryAt: Instant | undefined = now
  for (const { counter, limit } of limits) {
    const arrival = arrivalOf(counter)
    if (gcra(arrival, limit, cost, now) !== undefined) continue
    isRefused = true
    const at = admissionAt(arrival, limit, cost, now)
    retryAt = at === undefined || retryAt === undefined ? undefined : Math.max(retryAt, at)
  }
  if (!isRefused) return undefined
  const states = statesOf(limits, now, arrivalOf)
  return { admitted: false, states, ...(retryAt !== undefined && { retryAt }) }
}

/** Walks over all counters, a few at a time, and drops those that are as if never used. */
function createRound(arrivals: Map<string, number>): { makeRoom(countersMax: number, now: Instant): void } {
  let entries = arrivals.entries()
  const next = (): readonly [string, number] | undefined => {
    const step = entries.next()
    if (!step.done) return step.value
    entries = arrivals.entries()
    const again = entries.next()
    return again.done ? undefined : again.value
  }
  return {
    makeRoom(countersMax, now) {
      const isFull = arrivals.size >= countersMax
      let first: readonly [string, number] | undefined
      for (let looked = 0; looked < (isFull ? EVICTION_SAMPLE : SWEEP_STEP); looked++) {
        const entry = next()
        if (entry === undefined) return
        if (entry[1] <= now - COUNTING_EPOCH) arrivals.delete(entry[0])
        else if (first === undefined || entry[1] < first[1]) first = entry
      }
      if (arrivals.size >= countersMax && first !== undefined) arrivals.delete(first[0])
    },
  }
}
