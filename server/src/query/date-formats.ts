import { calendarDay, DAY_MS, daysInMonth } from './calendar.ts'
import {
  type DateParts,
  type DatePattern,
  matchDatePattern,
  milliseconds,
  parseDatePattern,
  printDatePattern,
} from './date-patterns.ts'
import { QueryError } from './query-error.ts'
import { parseOffset, type TimeZone } from './time-zones.ts'

/** Formats of a date field for which the mapping states none. */
export const DEFAULT_DATE_FORMAT = 'strict_date_optional_time||epoch_millis'

/** What a text says: an instant from `first` to `last` (epoch ms, both included), or parts of a local date and time. */
export type ParsedDate =
  | { readonly kind: 'instant'; readonly first: number; readonly last: number }
  | { readonly kind: 'parts'; readonly parts: DateParts }

/** One or more formats, tried in turn. */
export type DateFormat = {
  /** As it was written. */
  readonly text: string
  /** What a text says in the first format that it has; undefined when it has none of them. */
  parse(text: string): ParsedDate | undefined
  /** An instant (epoch ms) in the first of the formats. */
  print(instant: number, zone: TimeZone): string
}

type SingleFormat = Omit<DateFormat, 'text'>

/** Formats joined by `||`. */
const FORMATS_MAX = 20

/**
 * Reads the `format` argument: names of formats or date patterns, joined by `||`.
 *
 * @throws {QueryError} `malformed` when one of them is neither.
 */
export function parseDateFormat(text: string): DateFormat {
  const names = text.split('||')
  if (names.length > FORMATS_MAX) {
    throw new QueryError('malformed', `Invalid format: [${text}]: more than ${FORMATS_MAX} formats`)
  }
  const formats = names.map(parseSingleFormat)
  const [first] = formats
  return {
    text,
    parse: (date) => firstDefined(formats, (format) => format.parse(date)),
    print: (instant, zone) => first?.print(instant, zone) ?? '',
  }
}

function firstDefined<T, R>(items: readonly T[], read: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const result = read(item)
    if (result !== undefined) return result
  }
  return undefined
}

function parseSingleFormat(name: string): SingleFormat {
  if (name === '') throw new QueryError('malformed', 'No date pattern provided')
  const known = Object.hasOwn(NAMED_FORMATS, name) ? NAMED_FORMATS[name] : undefined
  // The 8 marks a pattern as one of Java's own, which all of them are here.
  return known ?? patternFormat(parseDatePattern(name.replace(/^8/, '')))
}

function patternFormat(pattern: DatePattern): SingleFormat {
  return {
    parse: (text) => checkedParts(matchDatePattern(pattern, text)),
    print: (instant, zone) => printDatePattern(pattern, datePartsAt(instant, zone)),
  }
}

/** The local date and time at an instant. */
export function datePartsAt(instant: number, zone: TimeZone): Required<DateParts> {
  const offset = zone.offsetAt(instant)
  const local = instant + offset
  const day = Math.floor(local / DAY_MS)
  const time = local - day * DAY_MS
  return {
    ...calendarDay(day),
    hour: Math.floor(time / 3_600_000),
    minute: Math.floor(time / 60_000) % 60,
    second: Math.floor(time / 1000) % 60,
    millisecond: time % 1000,
    offset,
  }
}

function checkedParts(parts: DateParts | undefined): ParsedDate | undefined {
  if (parts === undefined) return undefined
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
  return isDay && hour < 24 && minute < 60 && second < 60 ? { kind: 'parts', parts } : undefined
}

const ZONE = '(?<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)'
const FRACTION = '[.,](?<fraction>[0-9]{1,9})'

/** Exactly as many digits as there should be, or as few as it takes. */
type Digits = { readonly year: string; readonly two: string }
const STRICT: Digits = { year: '[0-9]{4}', two: '[0-9]{2}' }
const LENIENT: Digits = { year: '[0-9]{1,9}', two: '[0-9]{1,2}' }

function date({ year, two }: Digits): string {
  return `(?<year>${year})-(?<month>${two})-(?<day>${two})`
}

function time({ two }: Digits): string {
  return `(?<hour>${two}):(?<minute>${two}):(?<second>${two})`
}

function dateOptionalTime(digits: Digits): string {
  const { year, two } = digits
  const clock = `(?<hour>${two})(?::(?<minute>${two})(?::(?<second>${two})(?:${FRACTION})?)?)?`
  return `(?<year>${year})(?:-(?<month>${two})(?:-(?<day>${two})(?:T(?:${clock}${ZONE}?)?)?)?)?`
}

/** A format by the expression of what it accepts, and the pattern that prints it. */
function writtenAs(expression: string, printed: string): SingleFormat {
  const accepted = new RegExp(`^${expression}$`)
  const pattern = parseDatePattern(printed)
  return {
    parse(text) {
      const groups = accepted.exec(text)?.groups
      return groups === undefined ? undefined : checkedParts(partsOf(groups))
    },
    print: (instant, zone) => printDatePattern(pattern, datePartsAt(instant, zone)),
  }
}

function partsOf(groups: Readonly<Record<string, string | undefined>>): DateParts | undefined {
  const parts: { -readonly [part in keyof DateParts]: number } = {}
  for (const name of ['year', 'month', 'day', 'hour', 'minute', 'second'] as const) {
    const digits = groups[name]
    if (digits !== undefined) parts[name] = Number(digits)
  }
  const fraction = groups['fraction']
  if (fraction !== undefined) parts.millisecond = milliseconds(fraction)
  const written = groups['offset']
  if (written === undefined) return parts
  const offset = written === 'Z' ? 0 : parseOffset(written)
  return offset === undefined ? undefined : { ...parts, offset }
}

/** A number of seconds or milliseconds since 1970; without a point it stands for the whole of them. */
function epoch(unitMs: number): SingleFormat {
  return {
    parse(text) {
      const [, sign, whole, point, fraction = ''] = /^(-?)([0-9]{1,19})(\.([0-9]{0,9}))?$/.exec(text) ?? []
      if (whole === undefined) return undefined
      const size = Number(whole) * unitMs + (unitMs === 1 ? 0 : milliseconds(fraction))
      const first = sign === '-' ? 0 - size : size
      return { kind: 'instant', first, last: point === undefined ? first + unitMs - 1 : first }
    },
    print: (instant) => (unitMs === 1 ? String(instant) : String(instant / unitMs)),
  }
}

const PRINTED_DATE_TIME = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"

const EXACT_FORMATS: Readonly<Record<string, SingleFormat>> = {
  epoch_millis: epoch(1),
  epoch_second: epoch(1000),
  basic_date: patternFormat(parseDatePattern('yyyyMMdd')),
  basic_date_time: patternFormat(parseDatePattern("yyyyMMdd'T'HHmmss.SSSX")),
  basic_date_time_no_millis: patternFormat(parseDatePattern("yyyyMMdd'T'HHmmssX")),
}

/** Each exists twice: the strict one wants all digits. */
const FORMATS_BY_DIGITS: Readonly<Record<string, (digits: Digits) => SingleFormat>> = {
  date_optional_time: (digits) => writtenAs(dateOptionalTime(digits), PRINTED_DATE_TIME),
  date: (digits) => writtenAs(date(digits), 'yyyy-MM-dd'),
  year_month_day: (digits) => writtenAs(date(digits), 'yyyy-MM-dd'),
  year_month: ({ year, two }) => writtenAs(`(?<year>${year})-(?<month>${two})`, 'yyyy-MM'),
  year: ({ year }) => writtenAs(`(?<year>${year})`, 'yyyy'),
  date_time: (digits) => writtenAs(`${date(digits)}T${time(digits)}${FRACTION}${ZONE}`, PRINTED_DATE_TIME),
  date_time_no_millis: (digits) =>
    writtenAs(`${date(digits)}T${time(digits)}${ZONE}`, "yyyy-MM-dd'T'HH:mm:ssXXX"),
  date_hour_minute_second: (digits) => writtenAs(`${date(digits)}T${time(digits)}`, "yyyy-MM-dd'T'HH:mm:ss"),
  date_hour_minute: (digits) =>
    writtenAs(`${date(digits)}T(?<hour>${digits.two}):(?<minute>${digits.two})`, "yyyy-MM-dd'T'HH:mm"),
  date_hour: (digits) => writtenAs(`${date(digits)}T(?<hour>${digits.two})`, "yyyy-MM-dd'T'HH"),
}

const NAMED_FORMATS: Readonly<Record<string, SingleFormat>> = {
  ...EXACT_FORMATS,
  ...Object.fromEntries(
    Object.entries(FORMATS_BY_DIGITS).flatMap(([name, make]) => [
      [name, make(LENIENT)],
      [`strict_${name}`, make(STRICT)],
    ]),
  ),
}
