import { DAY_MS, dayNumber } from './calendar.ts'
import { DEFAULT_DATE_FORMAT, type ParsedDate, parseDateFormat } from './date-formats.ts'
import { applyDateMath } from './date-math.ts'
import type { DateParts } from './date-patterns.ts'
import { QueryError } from './query-error.ts'
import { localToInstant, parseTimeZone, type TimeZone, UTC } from './time-zones.ts'

/** Which end of the period that a date stands for is wanted: `2024` starts in January. */
export type DateSide = 'start' | 'end'

/** What the meaning of a date depends on. */
export type DateContext = {
  /** The clock, in epoch ms, that `now` stands for. */
  readonly now: number
  /** Zone of dates that name none, and of rounding; UTC when absent. */
  readonly timeZone?: string
  /** Formats instead of the field's own, which are `strict_date_optional_time||epoch_millis`. */
  readonly format?: string
}

const DEFAULT_FORMAT = parseDateFormat(DEFAULT_DATE_FORMAT)

/**
 * The instant (epoch ms) that a date in a query stands for: a number of epoch ms, a date in one of the formats, `now`, or one of
 * the last two with date math, as in `now-1d/d` and `2024-01-01||+1M/d`. With a `format`, numbers are read by it too.
 *
 * The side `end` gives the last millisecond of what was left out: months and days that are not written are the first all
 * the same, so that the end of `2024-03` is that of March 1st.
 *
 * @throws {QueryError} `malformed` when the value, the format or the zone is none.
 */
export function parseDateBound(value: string | number, side: DateSide, context: DateContext): number {
  return readDate(value, context)(side)
}

/**
 * The first and the last instant (epoch ms) of what a date in a query stands for; see `parseDateBound`.
 *
 * @throws {QueryError} `malformed`
 */
export function parseDatePeriod(value: string | number, context: DateContext): readonly [number, number] {
  const instantAt = readDate(value, context)
  return [instantAt('start'), instantAt('end')]
}

function readDate(value: string | number, context: DateContext): (side: DateSide) => number {
  if (typeof value === 'number' && context.format === undefined) {
    const instant = Math.floor(value)
    return () => instant
  }
  const text = String(value)
  const zone = context.timeZone === undefined ? UTC : parseTimeZone(context.timeZone)
  if (text.startsWith('now')) {
    const math = text.slice('now'.length)
    return (side) => applyDateMath(math, context.now, side, zone)
  }
  const [date = '', math] = splitOnce(text, '||')
  const parsed = parseDate(date, context.format)
  if (math === undefined) return (side) => instantOf(parsed, side, zone)
  const instant = instantOf(parsed, 'start', zone)
  return (side) => applyDateMath(math, instant, side, zone)
}

/**
 * The instant (epoch ms) of a date in a document: a number of epoch ms, or a text in one of the default formats; undefined for
 * anything else.
 */
export function parseStoredDate(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.floor(value) : undefined
  const parsed = typeof value === 'string' ? DEFAULT_FORMAT.parse(value) : undefined
  return parsed === undefined ? undefined : instantOf(parsed, 'start', UTC)
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}

function parseDate(text: string, format: string | undefined): ParsedDate {
  if (text === '') throw new QueryError('malformed', 'cannot parse empty datetime')
  const dateFormat = format === undefined ? DEFAULT_FORMAT : parseDateFormat(format)
  const parsed = dateFormat.parse(text)
  if (parsed === undefined) {
    const failure = `failed to parse date field [${text}] with format [${dateFormat.text}]`
    throw new QueryError('malformed', `${failure}: [${failure}]`)
  }
  return parsed
}

/** What is not written of the time of day, for each side; months and days are the first on both. */
const DEFAULTS: Readonly<Record<DateSide, Required<Omit<DateParts, 'offset'>>>> = {
  start: { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, millisecond: 0 },
  end: { year: 1970, month: 1, day: 1, hour: 23, minute: 59, second: 59, millisecond: 999 },
}

function instantOf(parsed: ParsedDate, side: DateSide, zone: TimeZone): number {
  if (parsed.kind === 'instant') return side === 'start' ? parsed.first : parsed.last
  const { offset, ...written } = parsed.parts
  const parts = { ...DEFAULTS[side], ...written }
  const time = ((parts.hour * 60 + parts.minute) * 60 + parts.second) * 1000 + parts.millisecond
  const local = dayNumber(parts) * DAY_MS + time
  return offset === undefined ? localToInstant(local, zone) : local - offset
}
