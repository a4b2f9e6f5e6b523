import { calendarDay, DAY_MS, dayNumber, daysInMonth } from '../../query/calendar.ts'
import { INSTANT_MAX, type Instant } from '../record.ts'
import type { CreditPlan, Refill } from './policy.ts'

/** What is left of a budget, and since when: the last refill, or when the budget began. */
export type BudgetState = { readonly remaining: number; readonly refilledAt: Instant }

/**
 * What is left at `now`: as before, or the amount of the plan when a turn of its interval has come since the last
 * refill. However many turns were missed, it is filled up once. `refilledAt` is then the latest of these turns.
 *
 * `refillAt` is the first instant at which it is filled up again; absent: never. When the clock is set back, nothing
 * is filled up until it has caught up with the last refill.
 */
export function refilled(
  plan: CreditPlan,
  createdAt: Instant,
  state: BudgetState,
  now: Instant,
): BudgetState & { readonly refillAt?: Instant } {
  const { refill } = plan
  if (refill === undefined) return state
  const latest = turnsOf(refill, createdAt, now).latest
  const isDue = latest !== undefined && latest > state.refilledAt
  const { remaining, refilledAt } = isDue ? { remaining: refill.amount, refilledAt: latest } : state
  const refillAt = turnsOf(refill, createdAt, Math.max(now, refilledAt)).next
  return { remaining, refilledAt, ...(refillAt <= INSTANT_MAX && { refillAt }) }
}

/**
 * What is left once a plan replaces another: what was spent stays spent, so it moves by as much as `initial` does, and
 * never below 0. Turns of the new plan count from then on.
 */
export function replanned(remaining: number, from: CreditPlan, to: CreditPlan): number {
  return Math.min(Math.max(remaining + to.initial - from.initial, 0), Number.MAX_SAFE_INTEGER)
}

/** The latest turn not after an instant, if there was one, and the first one after it. */
type Turns = { readonly latest: Instant | undefined; readonly next: Instant }

function turnsOf(refill: Refill, createdAt: Instant, now: Instant): Turns {
  switch (refill.interval) {
    case 'daily': {
      const latest = Math.floor(now / DAY_MS) * DAY_MS
      return { latest, next: latest + DAY_MS }
    }
    case 'monthly':
      return monthlyTurns(refill.day, now)
    case 'every': {
      const turns = Math.floor((now - createdAt) / refill.everyMs)
      const next = createdAt + Math.max(turns + 1, 1) * refill.everyMs
      return { latest: turns < 1 ? undefined : createdAt + turns * refill.everyMs, next }
    }
  }
}

function monthlyTurns(day: number, now: Instant): Turns {
  const { year, month } = calendarDay(Math.floor(now / DAY_MS))
  const turn = turnOfMonth(year, month, day)
  return turn <= now
    ? { latest: turn, next: turnOfMonth(year, month + 1, day) }
    : { latest: turnOfMonth(year, month - 1, day), next: turn }
}

/** `month` may be 0 or 13. */
function turnOfMonth(givenYear: number, givenMonth: number, day: number): Instant {
  const year = givenYear + (givenMonth === 0 ? -1 : givenMonth === 13 ? 1 : 0)
  const month = ((givenMonth + 11) % 12) + 1
  return dayNumber({ year, month, day: Math.min(day, daysInMonth(year, month)) }) * DAY_MS
}
