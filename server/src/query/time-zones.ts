import { QueryError } from './query-error.ts'

/** How far local time is ahead of UTC. */
export type TimeZone = {
  /** Milliseconds to add to an instant (epoch ms) to get the local time there. */
  offsetAt(instant: number): number
}

/** Coordinated universal time. */
export const UTC: TimeZone = { offsetAt: () => 0 }

const NAMES_OF_UTC: ReadonlySet<string> = new Set(['Z', 'UTC', 'GMT', 'UT'])
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Java allows no more. */
const OFFSET_HOURS_MAX = 18
/** Regions whose calendar is kept; there are about 600. */
const REGIONS_KEPT_MAX = 64
/** Instants that JavaScript's calendars know. */
const INSTANT_MAX = 8.64e15

const regions = new Map<string, TimeZone>()

/**
 * Reads a time zone: `Z`, `UTC`, an offset such as `+01:00`, `+0100`, `+1` or `UTC+1`, or the IANA name of a region, such
 * as `Europe/Paris`.
 *
 * @throws {QueryError} `malformed` when there is none of that name.
 */
export function parseTimeZone(text: string): TimeZone {
  if (NAMES_OF_UTC.has(text)) return UTC
  const [, offset] = /^(?:UTC|GMT|UT)?([+-].*)?$/.exec(text) ?? []
  if (offset !== undefined) {
    const milliseconds = parseOffset(offset)
    if (milliseconds === undefined) throw unknownTimeZone(text)
    return { offsetAt: () => milliseconds }
  }
  const known = regions.get(text)
  if (known !== undefined) return known

  const zone = openRegion(text)
  if (regions.size >= REGIONS_KEPT_MAX) regions.clear()
  regions.set(text, zone)
  return zone
}

/** Milliseconds of an offset such as `+01:00`, `+0100` or `+1`; undefined when it is none. */
export function parseOffset(text: string): number | undefined {
  const parts = /^([+-])([0-9]{1,2})(?::?([0-9]{2}))?$/.exec(text)
  if (parts === null) return undefined
  const [, sign, hours = '', minutes = '0'] = parts
  // One digit is for hours alone.
  if (hours.length === 1 && text.length > 2) return undefined
  const milliseconds = Number(hours) * HOUR + Number(minutes) * MINUTE
  if (Number(minutes) > 59 || milliseconds > OFFSET_HOURS_MAX * HOUR) return undefined
  return sign === '-' ? -milliseconds : milliseconds
}

/** An offset as `+01:00`. */
export function printOffset(milliseconds: number): string {
  const minutes = Math.round(Math.abs(milliseconds) / MINUTE)
  const digits = [Math.floor(minutes / 60), minutes % 60].map((number) => String(number).padStart(2, '0'))
  return `${milliseconds < 0 ? '-' : '+'}${digits.join(':')}`
}

/**
 * The instant of a local time, given in milliseconds as if it were UTC. A time that the clock skips moves forward by as
 * much as is skipped; of a time that comes twice it is the first, or the one with `preferredOffset`.
 */
export function localToInstant(local: number, zone: TimeZone, preferredOffset?: number): number {
  if (preferredOffset !== undefined && zone.offsetAt(local - preferredOffset) === preferredOffset) {
    return local - preferredOffset
  }
  const before = zone.offsetAt(local - DAY)
  const after = zone.offsetAt(local + DAY)
  if (before === after || zone.offsetAt(local - before) === before) return local - before
  return zone.offsetAt(local - after) === after ? local - after : local - before
}

function openRegion(name: string): TimeZone {
  const format = openCalendar(name)
  return {
    offsetAt(instant) {
      const known = Math.max(-INSTANT_MAX, Math.min(INSTANT_MAX, instant))
      const part = format.formatToParts(known).find(({ type }) => type === 'timeZoneName')
      return parseLongOffset(part?.value ?? '')
    },
  }
}

function openCalendar(name: string): Intl.DateTimeFormat {
  if (!/^[A-Za-z][A-Za-z0-9~/._+-]*$/.test(name)) throw unknownTimeZone(name)
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch {
    throw unknownTimeZone(name)
  }
}

/** `GMT`, `GMT+01:00` or, for times before the zones were made, `GMT+00:09:21`. */
function parseLongOffset(text: string): number {
  const [, sign, hours = '0', minutes = '0', seconds = '0'] =
    /^GMT(?:([+-\u2212])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?$/.exec(text) ?? []
  const milliseconds = Number(hours) * HOUR + Number(minutes) * MINUTE + Number(seconds) * 1000
  return sign === undefined || sign === '+' ? milliseconds : -milliseconds
}

function unknownTimeZone(text: string): QueryError {
  return new QueryError('malformed', `failed to create query: Unknown time-zone ID: ${text}`)
}
