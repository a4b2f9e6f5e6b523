/**
 * Uses of a limit that were counted in the store at one moment, before they came.
 *
 * What is counted flows back, the oldest first, one use in `useMs`; what was used of these uses flows back before what is
 * still held. As long as only what did not flow back is used, no more come than as if each were counted when it comes: all
 * that is counted in the store is at any time at least what really came, together with all that is held anywhere.
 */
export type Holding = {
  held: number
  used: number
  /** When these begin to flow back, because all that was counted before has. */
  readonly flowsFrom: number
  flowedUntil: number
}

/** Holdings of one limit that are remembered; of older ones, what is held is lost. */
const HOLDINGS_MAX = 64

/** Sums of fractions are not exact. */
const ROUNDING = 1e-9

/** What a node holds of one limit. Times are of a clock that only ever goes forward, in ms. */
export class RateHoldings {
  readonly #useMs: number
  #holdings: Holding[] = []

  /** `useMs`: the time in which one use flows back. */
  constructor(useMs: number) {
    this.#useMs = useMs
  }

  /** Adds uses that were counted not before `at`, when `beforeMs` of time was to flow back before them. */
  add(uses: number, at: number, beforeMs: number): Holding {
    const holding: Holding = { held: uses, used: 0, flowsFrom: at + beforeMs, flowedUntil: at }
    this.#holdings.push(holding)
    if (this.#holdings.length > HOLDINGS_MAX) this.#holdings.shift()
    return holding
  }

  /** Whole uses that may come at `at` without asking. */
  heldAt(at: number): number {
    return Math.floor(this.#exactlyHeldAt(at) + ROUNDING)
  }

  /** The time that all that is held stands for, in ms. */
  heldMsAt(at: number): number {
    return this.#exactlyHeldAt(at) * this.#useMs
  }

  /** Uses some of what is held, at most `heldAt`; the oldest first, as it is lost first. */
  use(uses: number, at: number): void {
    this.#flow(at)
    let left = uses
    for (const holding of this.#holdings) {
      const now = Math.min(left, holding.held)
      holding.held -= now
      holding.used += now
      left -= now
    }
  }

  /** Takes uses back that did not come after all; what flowed back of them by itself is not held again. */
  unuse(uses: number, at: number): void {
    this.#flow(at)
    let left = uses
    for (const holding of this.#holdings.toReversed()) {
      const now = Math.min(left, holding.used)
      holding.held += now
      holding.used -= now
      left -= now
    }
  }

  /** Lets go of what is held of `one`; answers the time that it stands for, in ms. */
  release(one: Holding, at: number): number {
    this.#flow(at)
    const heldMs = one.held * this.#useMs
    one.held = 0
    return heldMs
  }

  #exactlyHeldAt(at: number): number {
    this.#flow(at)
    return this.#holdings.reduce((sum, { held }) => sum + held, 0)
  }

  #flow(at: number): void {
    for (const holding of this.#holdings) {
      const from = Math.max(holding.flowedUntil, holding.flowsFrom)
      holding.flowedUntil = Math.max(holding.flowedUntil, at)
      if (at <= from) continue
      const flown = (at - from) / this.#useMs
      const ofUsed = Math.min(flown, holding.used)
      holding.used -= ofUsed
      holding.held = Math.max(0, holding.held - (flown - ofUsed))
    }
    if (this.#holdings.some(isGone)) this.#holdings = this.#holdings.filter((holding) => !isGone(holding))
  }
}

function isGone({ held, used }: Holding): boolean {
  return held + used <= ROUNDING
}
