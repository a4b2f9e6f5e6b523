import { calendarDay, DAY_MS, dayNumber, daysInMonth } from './calendar.ts'
import { QueryError } from './query-error.ts'
import { localToInstant, type TimeZone } from './time-zones.ts'

/** Units that rounding and date histograms know; weeks start on Monday. */
export type DateUnit = 'year' | 'quarter' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second'

const UNITS: Readonly<Record<string, DateUnit>> = {
  y: 'year',
  M: 'month',
  w: 'week',
  d: 'day',
  h: 'hour',
  H: 'hour',
  m: 'minute',
  s: 'second',
}

/** Units whose length never changes, in milliseconds; the others follow the calendar. */
const LENGTHS: Readonly<Partial<Record<DateUnit, number>>> = { hour: 3_600_000, minute: 60_000, second: 1000 }
/** Operations of one expression. */
const OPERATIONS_MAX = 100
const INTEGER_MAX = 0x7fffffff

/**
 * Carries out date math such as `+1M/d-2h` on an instant, in the calendar of a zone. `/unit` rounds down, or with the
 * side `end` up to the last millisecond of the unit.
 *
 * @throws {QueryError} `malformed` when the text is no date math.
 */
export function applyDateMath(math: string, instant: number, side: 'start' | 'end', zone: TimeZone): number {
  let result = instant
  let at = 0
  for (let operations = 0; at < math.length; operations += 1) {
    if (operations === OPERATIONS_MAX) {
      throw new QueryError('malformed', `date math has more than ${OPERATIONS_MAX} operations [${math}]`)
    }
    const { operator, count, unit, end } = parseOperation(math, at)
    at = end
    if (operator !== '/') result = addUnits(result, unit, operator === '-' ? -count : count, zone)
    else if (side === 'start') result = roundDown(result, unit, zone)
    else result = addUnits(roundDown(result, unit, zone), unit, 1, zone) - 1
  }
  return result
}

type Operation = {
  readonly operator: '+' | '-' | '/'
  readonly count: number
  readonly unit: DateUnit
  readonly end: number
}

function parseOperation(math: string, start: number): Operation {
  const operator = math.charAt(start)
  if (operator !== '+' && operator !== '-' && operator !== '/') {
    throw new QueryError('malformed', `operator not supported for date math [${math}]`)
  }
  let at = start + 1
  while (/[0-9]/.test(math.charAt(at))) at += 1
  if (at >= math.length) throw new QueryError('malformed', `truncated date math [${math}]`)

  const digits = math.slice(start + 1, at)
  const count = digits === '' ? 1 : Number(digits)
  if (count > INTEGER_MAX) throw new QueryError('malformed', `For input string: "${digits}"`)
  if (operator === '/' && count !== 1) {
    throw new QueryError('malformed', `rounding \`/\` can only be used on single unit types [${math}]`)
  }
  const letter = math.charAt(at)
  const unit = UNITS[letter]
  if (unit === undefined) {
    throw new QueryError('malformed', `unit [${letter}] not supported for date math [${math}]`)
  }
  return { operator, count, unit, end: at + 1 }
}

/** The instant that many units later, at the same local time where the unit is a day or longer. */
export function addUnits(instant: number, unit: DateUnit, count: number, zone: TimeZone): number {
  const length = LENGTHS[unit]
  if (length !== undefined) return instant + count * length

  const offset = zone.offsetAt(instant)
  const local = instant + offset
  const day = Math.floor(local / DAY_MS)
  const moved = unit === 'day' ? day + count : unit === 'week' ? day + 7 * count : addMonths(day, unit, count)
  return localToInstant(local + (moved - day) * DAY_MS, zone, offset)
}

const MONTHS: Readonly<Partial<Record<DateUnit, number>>> = { month: 1, quarter: 3, year: 12 }

/** The same day some months later, or the last day of that month when it is shorter. */
function addMonths(day: number, unit: DateUnit, count: number): number {
  const date = calendarDay(day)
  const months = date.year * 12 + (date.month - 1) + count * (MONTHS[unit] ?? 0)
  const year = Math.floor(months / 12)
  const month = months - year * 12 + 1
  return dayNumber({ year, month, day: Math.min(date.day, daysInMonth(year, month)) })
}

/** The first instant of the unit, in the calendar of a zone. */
export function roundDown(instant: number, unit: DateUnit, zone: TimeZone): number {
  const offset = zone.offsetAt(instant)
  const local = instant + offset
  const length = LENGTHS[unit]
  const rounded =
    length === undefined
      ? firstDay(Math.floor(local / DAY_MS), unit) * DAY_MS
      : Math.floor(local / length) * length
  return localToInstant(rounded, zone, offset)
}

/** January 1st 1970 was a Thursday, three days after a Monday. */
const EPOCH_WEEKDAY = 3

function firstDay(day: number, unit: DateUnit): number {
  if (unit === 'week') return day - ((((day + EPOCH_WEEKDAY) % 7) + 7) % 7)
  const { year, month } = calendarDay(day)
  if (unit === 'month') return dayNumber({ year, month, day: 1 })
  if (unit === 'quarter') return dayNumber({ year, month: month - ((month - 1) % 3), day: 1 })
  return unit === 'year' ? dayNumber({ year, month: 1, day: 1 }) : day
}
