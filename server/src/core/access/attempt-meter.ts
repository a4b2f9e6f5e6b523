import { hash } from 'node:crypto'
import type { Instant } from '../record.ts'

/** How fast attempts may follow each other. */
export type AttemptRate = { readonly perSecond: number; readonly burst: number }

/** Tells who comes too often, in fixed memory, whatever names arrive. */
export interface AttemptMeter {
  /** When the next attempt is allowed; not after `now` when one is allowed now. */
  nextAt(name: string, now: Instant): Instant
  /** Counts one attempt. */
  count(name: string, now: Instant): void
}

/** Places of each row. */
const ROW_LENGTH = 16_384
/** A name is refused only when its places in all rows are taken. */
const ROWS = 4

/**
 * The Generic Cell Rate Algorithm (ITU-T I.371): each attempt moves the name's "theoretical arrival time" on by one
 * interval, and an attempt that comes more than a burst ahead of that time is too early.
 *
 * The times are not kept by name but in a count-min sketch: one place in each row, chosen by a hash that `seed`
 * makes unpredictable; the earliest of them counts. Nothing is ever evicted, so no flood of invented names can make
 * the meter forget somebody; all it can do is to make it too strict, by keeping tens of thousands of places busy at
 * the same time.
 */
export function createAttemptMeter(rate: AttemptRate, seed: string): AttemptMeter {
  const intervalMs = 1000 / rate.perSecond
  const toleranceMs = intervalMs * (Math.max(1, rate.burst) - 1)
  const arrivals = new Float64Array(ROW_LENGTH * ROWS)

  const arrivalAt = (place: number, now: Instant): Instant => {
    const arrival = arrivals[place] ?? 0
    // No count goes further ahead than this: the clock was set back, and must not lock anybody out until it caught up.
    return arrival > now + toleranceMs + intervalMs + 1 ? now : arrival
  }
  const arrivalOf = (places: readonly number[], now: Instant): Instant =>
    Math.min(...places.map((place) => arrivalAt(place, now)))

  return {
    nextAt: (name, now) => Math.floor(arrivalOf(placesOf(name, seed), now) - toleranceMs),
    count: (name, now) => {
      const places = placesOf(name, seed)
      const next = Math.max(arrivalOf(places, now), now) + intervalMs
      for (const place of places) arrivals[place] = Math.max(arrivalAt(place, now), next)
    },
  }
}

function placesOf(name: string, seed: string): readonly number[] {
  const digest = hash('sha256', `${seed} ${name}`, 'hex')
  return Array.from({ length: ROWS }, (_, row) => {
    const digits = digest.slice(row * 8, row * 8 + 8)
    return row * ROW_LENGTH + (Number.parseInt(digits, 16) % ROW_LENGTH)
  })
}
