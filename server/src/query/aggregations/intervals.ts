import { addUnits, type DateUnit, roundDown } from '../date-math.ts'
import { localToInstant, type TimeZone } from '../time-zones.ts'
import type { Intervals } from './aggregation.ts'

/** Intervals of one length; one of them starts at `offset`. */
export function numberIntervals(length: number, offset: number): Intervals {
  const indexOf = (value: number) => Math.floor((value - offset) / length)
  const nearestTo = (start: number) => Math.round((start - offset) / length)
  const at = (index: number) => index * length + offset
  return {
    start: (value) => at(indexOf(value)),
    *between(first, last) {
      // By index, because adding up fractions would drift away from `start`.
      const end = nearestTo(last)
      for (let index = nearestTo(first); index <= end; index += 1) yield at(index)
    },
  }
}

/** Units of the calendar in a zone, each starting `offset` milliseconds later. */
export function calendarIntervals(unit: DateUnit, zone: TimeZone, offset: number): Intervals {
  return steppedIntervals(
    (instant) => roundDown(instant, unit, zone),
    (instant) => addUnits(instant, unit, 1, zone),
    offset,
  )
}

/** Intervals of so many milliseconds of local time in a zone, counted from 1970, each starting `offset` later. */
export function timeIntervals(length: number, zone: TimeZone, offset: number): Intervals {
  const roundLocal = (local: number) => Math.floor(local / length) * length
  return steppedIntervals(
    (instant) => {
      const ahead = zone.offsetAt(instant)
      return localToInstant(roundLocal(instant + ahead), zone, ahead)
    },
    (instant) => localToInstant(instant + zone.offsetAt(instant) + length, zone),
    offset,
  )
}

function steppedIntervals(
  round: (instant: number) => number,
  next: (instant: number) => number,
  offset: number,
): Intervals {
  return {
    start: (value) => round(value - offset) + offset,
    *between(first, last) {
      for (let start = first - offset; start <= last - offset; start = Math.max(next(start), start + 1)) {
        yield start + offset
      }
    },
  }
}
