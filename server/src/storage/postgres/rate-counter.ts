import type { RateLimit } from '../../core/keys/policy.ts'
import { COUNTING_EPOCH, type CountedLimit, NEVER_USED } from '../../core/keys/rate-limits.ts'
import type { Instant } from '../../core/record.ts'
import { type Holding, RateHoldings } from './rate-holdings.ts'
import { type CountedRate, counterName } from './rate-statements.ts'

/** What a node holds of a limit at most before it comes: that part of it, and at least one use. */
const CHUNKS = 20

/** A use that waits to be counted. */
export type WaitingUse = {
  readonly cost: number
  /** Told whether it is counted. */
  readonly resolve: (isCounted: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * What a node knows of one counter that is in the store. Times are of a clock that only ever goes forward, in ms; where it
 * is not exactly known when the store counted, the earliest that it can have been.
 */
export class RateCounter {
  readonly name: string
  readonly limit: RateLimit
  readonly holdings: RateHoldings
  readonly waiting: WaitingUse[] = []
  /** Whether a statement about it is under way. */
  isAsked = false
  usedAt = Number.NEGATIVE_INFINITY
  /** What the store counted last, and when that was heard. */
  last: { readonly rate: CountedRate; readonly cameAt: number; readonly holding: Holding } | undefined
  #aheadMs = 0
  #heardAt = Number.NEGATIVE_INFINITY
  /** What is counted here alone since then, in ms. */
  #aloneMs = 0

  constructor({ counter, limit }: CountedLimit) {
    this.name = counterName(counter)
    this.limit = limit
    this.holdings = new RateHoldings(limit.windowMs / limit.limit)
  }

  /** When the store said last where it stands. */
  get heardAt(): number {
    return this.#heardAt
  }

  /** Uses that are counted ahead where they come often. */
  get chunk(): number {
    return Math.max(1, Math.floor(this.limit.limit / CHUNKS))
  }

  /** Notes what the store counted for a statement that was sent at `sentAt`. */
  counted(rate: CountedRate, sentAt: number, cameAt: number): void {
    const aheadMs = this.heard(rate, sentAt)
    if (rate.granted === 0) return
    const beforeMs = aheadMs - (rate.granted * this.limit.windowMs) / this.limit.limit
    this.last = { rate, cameAt, holding: this.holdings.add(rate.granted, sentAt, Math.max(0, beforeMs)) }
  }

  /**
   * Gives what is there to those who wait, in their order; answers how much that was. They were counted when the store
   * counted, however long the answer took, so nothing of it flows back before they have it.
   */
  hand(waiting: readonly WaitingUse[], available: number): number {
    let left = available
    for (const { cost, resolve } of waiting) {
      const isCounted = cost <= left
      if (isCounted) left -= cost
      resolve(isCounted)
    }
    return available - left
  }

  /** Notes where it stands; without a rate it is as if never used. Answers how far its arrival time is ahead. */
  heard(rate: CountedRate | undefined, sentAt: number): number {
    this.#aheadMs = rate === undefined ? 0 : Math.max(0, rate.arrival - rate.countedAt)
    this.#heardAt = sentAt
    this.#aloneMs = 0
    return this.#aheadMs
  }

  /** The arrival time as far as it is known, in the time of `now`, without what this node holds and may use. */
  arrival(at: number, now: Instant): number {
    const aheadMs = this.#aheadAt(at) - this.holdings.heldMsAt(at)
    return aheadMs <= 0 ? NEVER_USED : now - COUNTING_EPOCH + aheadMs
  }

  canUse(cost: number, at: number): boolean {
    return this.holdings.heldAt(at) >= cost
  }

  use(cost: number, at: number): void {
    this.holdings.use(cost, at)
    this.usedAt = at
  }

  /** Counts uses that the store does not hear of. */
  useAlone(cost: number, at: number): void {
    if (this.canUse(cost, at)) {
      this.use(cost, at)
      return
    }
    const aloneMs = this.#timeOf(cost)
    this.#aheadMs = this.#aheadAt(at) + aloneMs
    this.#aloneMs += aloneMs
    this.#heardAt = at
  }

  /** Takes uses back that were counted here alone; once the store said where it stands, they do not count any more. */
  unuseAlone(cost: number): void {
    const aloneMs = Math.min(this.#aloneMs, this.#timeOf(cost))
    this.#aloneMs -= aloneMs
    this.#aheadMs = Math.max(0, this.#aheadMs - aloneMs)
  }

  #timeOf(uses: number): number {
    return (uses * this.limit.windowMs) / this.limit.limit
  }

  #aheadAt(at: number): number {
    return Math.max(0, this.#aheadMs - (at - this.#heardAt))
  }
}
