import { DAY_MS } from '../../query/calendar.ts'
import { parseTimeZone, type TimeZone, UTC } from '../../query/time-zones.ts'
import type { Instant } from '../record.ts'
import type { TimeWindow, Weekday } from './policy.ts'

/** In the order of the calendar's day numbers: January 1st 1970 was a Thursday. */
export const WEEKDAYS: readonly Weekday[] = ['thu', 'fri', 'sat', 'sun', 'mon', 'tue', 'wed']

/**
 * Whether a key may be used at `now`.
 *
 * Days and times are those of the window's zone: where clocks are set forward, what is skipped never comes, and where
 * they are set back, what comes twice counts twice. A window over midnight belongs to the day on which it begins: with
 * `days: ['fri'], from: 1320, to: 360` it ends on Saturday at six. A zone that is not known allows nothing.
 */
export function windowAllows(window: TimeWindow, now: Instant): boolean {
  if (window.notBefore !== undefined && now < window.notBefore) return false
  if (window.days === undefined && window.from === undefined && window.to === undefined) return true
  const offset = offsetOf(window.timeZone, now)
  if (offset === undefined) return false

  const local = now + offset
  const day = Math.floor(local / DAY_MS)
  const minute = Math.floor((local - day * DAY_MS) / MINUTE_MS)
  const from = window.from ?? 0
  const to = window.to ?? MINUTES_PER_DAY
  if (from <= to) return minute >= from && minute < to && isDay(window.days, day)
  if (minute >= from) return isDay(window.days, day)
  return minute < to && isDay(window.days, day - 1)
}

/** Whether there is a time zone of that IANA name. */
export function isTimeZone(name: string): boolean {
  if (name.length > TIME_ZONE_LENGTH_MAX || !/^[A-Za-z]/.test(name)) return false
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions()
    return timeZone !== '' && zoneOf(name) !== undefined
  } catch {
    return false
  }
}

export const MINUTES_PER_DAY = 1_440
const MINUTE_MS = 60_000
const TIME_ZONE_LENGTH_MAX = 64

function isDay(days: readonly Weekday[] | undefined, dayNumber: number): boolean {
  if (days === undefined) return true
  const weekday = WEEKDAYS[((dayNumber % 7) + 7) % 7]
  return weekday !== undefined && days.includes(weekday)
}

/**
 * How far each zone is ahead of UTC, in the minute that was asked about last: clocks are set on whole minutes, and
 * asking the calendar costs more than the rest of a verification. Zones are kept, and forgotten, by `parseTimeZone`.
 */
const offsets = new WeakMap<TimeZone, { minute: number; offset: number }>()

function offsetOf(name: string | undefined, now: Instant): number | undefined {
  if (name === undefined || name === 'UTC') return 0
  const zone = zoneOf(name)
  if (zone === undefined || zone === UTC) return zone && 0
  const minute = Math.floor(now / MINUTE_MS)
  const known = offsets.get(zone)
  if (known?.minute === minute) return known.offset
  const offset = zone.offsetAt(now)
  if (known === undefined) offsets.set(zone, { minute, offset })
  else Object.assign(known, { minute, offset })
  return offset
}

function zoneOf(name: string): TimeZone | undefined {
  try {
    return parseTimeZone(name)
  } catch {
    return undefined
  }
}
