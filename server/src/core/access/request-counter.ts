import type { UserId } from '../ids.ts'
import type { Clock } from '../ports/clock.ts'

/** Counts requests per user and second. */
export interface RequestCounter {
  /** Counts one more; false when that exceeds `perSecondMax` in the present second. */
  count(user: UserId, perSecondMax: number): boolean
}

/** Users told apart within one second; all further ones share one count. */
export const COUNTED_USERS_MAX = 100_000

/** Counts in whole seconds of the clock, as Kuzzle does: all counts start over when a second begins. */
export function createRequestCounter(clock: Clock): RequestCounter {
  let second = Number.NaN
  let counts = new Map<string, number>()
  return {
    count: (user, perSecondMax) => {
      const present = Math.floor(clock.now() / 1000)
      if (present !== second) {
        second = present
        counts = new Map()
      }
      const name = counts.has(user) || counts.size < COUNTED_USERS_MAX ? user : EVERYBODY_ELSE
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return count <= perSecondMax
    },
  }
}

/** No user can have this id, because ids are never empty. */
const EVERYBODY_ELSE = ''
