import { QueryError } from './query-error.ts'
import { parseOffset, printOffset } from './time-zones.ts'

/** Parts of a date as they were written; what was not written is absent. */
export type DateParts = {
  readonly year?: number
  /** From 1, as are days. */
  readonly month?: number
  readonly day?: number
  readonly hour?: number
  readonly minute?: number
  readonly second?: number
  readonly millisecond?: number
  /** Milliseconds ahead of UTC. */
  readonly offset?: number
}

type NumberField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'clockHour'

type Element =
  | { readonly kind: 'literal'; readonly text: string }
  /** Between `min` and `max` digits; a fixed width leaves its digits to no other. */
  | { readonly kind: 'number'; readonly field: NumberField; readonly min: number; readonly max: number }
  | { readonly kind: 'shortYear' }
  | { readonly kind: 'monthName'; readonly isShort: boolean }
  | { readonly kind: 'fraction'; readonly digits: number }
  | { readonly kind: 'halfDay' }
  | { readonly kind: 'zone'; readonly allowsZ: boolean; readonly style: OffsetStyle }
  | { readonly kind: 'optional'; readonly elements: DatePattern }

/** How an offset is written: `+01`, with minutes only when there are any; `+0100`; `+01:00`. */
type OffsetStyle = 'short' | 'plain' | 'colon'

/** A date format made of letters, such as `yyyy-MM-dd`. */
export type DatePattern = readonly Element[]

/** Parts of a date on their way; `clockHour` and `isAfternoon` make the hour. */
type RawParts = { -readonly [part in keyof DateParts]: number } & {
  clockHour?: number
  isAfternoon?: boolean
}

const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const SHORT_NAME_LENGTH = 3
/** Digits of the longest number that a letter alone stands for. */
const DIGITS_MAX = 9
/** Sections in brackets within each other. */
const NESTING_MAX = 10

/**
 * Reads a date pattern of the letters `y u M d H h m s S a X x Z`, text in single quotes, and sections in brackets that may be
 * missing, with the meaning they have in Java.
 *
 * @throws {QueryError} `malformed` on anything else.
 */
export function parseDatePattern(pattern: string): DatePattern {
  const { elements, end } = parseElements(pattern, 0, 0)
  if (end < pattern.length) throw invalid(pattern, 'Pattern invalid as it contains ] without previous [')
  return elements
}

/** The parts that a text has under a pattern; undefined when it is not of that form. Ranges are not checked. */
export function matchDatePattern(pattern: DatePattern, text: string): DateParts | undefined {
  const matched = matchElements(pattern, text, 0, {})
  if (matched === undefined || matched.end !== text.length) return undefined
  const { clockHour, isAfternoon, ...parts } = matched.parts
  if (clockHour === undefined || isAfternoon === undefined || parts.hour !== undefined) return parts
  if (clockHour < 1 || clockHour > 12) return undefined
  return { ...parts, hour: (clockHour % 12) + (isAfternoon ? 12 : 0) }
}

/** A date in the form of the pattern, sections in brackets included. */
export function printDatePattern(pattern: DatePattern, date: Required<DateParts>): string {
  return pattern.map((element) => printElement(element, date)).join('')
}

function parseElements(
  pattern: string,
  start: number,
  depth: number,
): { readonly elements: DatePattern; readonly end: number } {
  if (depth > NESTING_MAX) throw invalid(pattern, `Pattern is nested more than ${NESTING_MAX} levels deep`)
  const elements: Element[] = []
  let at = start
  while (at < pattern.length && pattern.charAt(at) !== ']') {
    const character = pattern.charAt(at)
    if (character === '[') {
      const section = parseElements(pattern, at + 1, depth + 1)
      elements.push({ kind: 'optional', elements: section.elements })
      // Java does not ask for the bracket to be closed.
      at = Math.min(pattern.length, section.end + 1)
    } else if (character === "'") {
      const end = endOfQuote(pattern, at)
      const text = pattern.slice(at + 1, end).replaceAll("''", "'")
      elements.push({ kind: 'literal', text: text === '' ? "'" : text })
      at = end + 1
    } else if (/[A-Za-z]/.test(character)) {
      let end = at
      while (pattern.charAt(end) === character) end += 1
      elements.push(letterElement(pattern, character, end - at))
      at = end
    } else if ('{}#'.includes(character)) {
      throw invalid(pattern, `Pattern includes reserved character: '${character}'`)
    } else {
      elements.push({ kind: 'literal', text: character })
      at += 1
    }
  }
  return { elements, end: at }
}

/** Place of the quote that ends a quoted text; two of them stand for one. */
function endOfQuote(pattern: string, start: number): number {
  let end = pattern.indexOf("'", start + 1)
  while (end !== -1 && end > start + 1 && pattern.charAt(end + 1) === "'") end = pattern.indexOf("'", end + 2)
  if (end === -1) throw invalid(pattern, `Pattern ends with an incomplete string literal: ${pattern}`)
  return end
}

const NUMBER_FIELDS: Readonly<Record<string, NumberField>> = {
  d: 'day',
  H: 'hour',
  h: 'clockHour',
  m: 'minute',
  s: 'second',
}

function letterElement(pattern: string, letter: string, count: number): Element {
  const tooMany = () => invalid(pattern, `Too many pattern letters: ${letter}`)
  const field = NUMBER_FIELDS[letter]
  if (field !== undefined) {
    if (count > 2) throw tooMany()
    return { kind: 'number', field, min: count, max: count === 1 ? DIGITS_MAX : count }
  }
  switch (letter) {
    case 'y':
    case 'u':
      if (count === 2) return { kind: 'shortYear' }
      if (count > DIGITS_MAX) throw tooMany()
      return { kind: 'number', field: 'year', min: count, max: count === 1 ? DIGITS_MAX : count }
    case 'M':
      if (count > 4) throw tooMany()
      if (count > 2) return { kind: 'monthName', isShort: count === 3 }
      return { kind: 'number', field: 'month', min: count, max: count === 1 ? DIGITS_MAX : count }
    case 'S':
      if (count > 9) throw tooMany()
      return { kind: 'fraction', digits: count }
    case 'a':
      if (count > 1) throw tooMany()
      return { kind: 'halfDay' }
    case 'X':
    case 'x':
      if (count > 3) throw tooMany()
      return {
        kind: 'zone',
        allowsZ: letter === 'X',
        style: count === 1 ? 'short' : count === 2 ? 'plain' : 'colon',
      }
    case 'Z':
      if (count === 4 || count > 5) throw tooMany()
      return { kind: 'zone', allowsZ: count === 5, style: count === 5 ? 'colon' : 'plain' }
    default:
      throw invalid(pattern, `Unknown pattern letter: ${letter}`)
  }
}

type Match = { readonly parts: RawParts; readonly end: number }

function matchElements(
  elements: DatePattern,
  text: string,
  start: number,
  known: RawParts,
): Match | undefined {
  let match: Match = { parts: known, end: start }
  for (const [index, element] of elements.entries()) {
    if (element.kind === 'optional') {
      match = matchElements(element.elements, text, match.end, match.parts) ?? match
      continue
    }
    const next = matchElement(element, text, match.end, reservedDigits(elements, index))
    if (next === undefined) return undefined
    match = { parts: { ...match.parts, ...next.parts }, end: next.end }
  }
  return match
}

/** Digits that the numbers of fixed width right after an element need. */
function reservedDigits(elements: DatePattern, index: number): number {
  let digits = 0
  for (const element of elements.slice(index + 1)) {
    if (element.kind === 'shortYear') digits += 2
    else if (element.kind === 'fraction') digits += element.digits
    else if (element.kind === 'number' && element.min === element.max) digits += element.min
    else break
  }
  return digits
}

function matchElement(
  element: Exclude<Element, { readonly kind: 'optional' }>,
  text: string,
  at: number,
  reserved: number,
): Match | undefined {
  switch (element.kind) {
    case 'literal':
      return text.startsWith(element.text, at) ? { parts: {}, end: at + element.text.length } : undefined
    case 'number': {
      const available = element.min === element.max ? element.max : digitsAt(text, at) - reserved
      return matchNumber(text, at, element.min, Math.min(element.max, available), element.field, 0)
    }
    case 'shortYear':
      return matchNumber(text, at, 2, 2, 'year', 2000)
    case 'fraction': {
      const digits = text.slice(at, at + element.digits)
      if (digitsAt(text, at) < element.digits) return undefined
      return { parts: { millisecond: milliseconds(digits) }, end: at + element.digits }
    }
    case 'monthName': {
      const index = MONTH_NAMES.findIndex((name) => text.startsWith(monthName(name, element.isShort), at))
      const name = MONTH_NAMES[index]
      if (name === undefined) return undefined
      return { parts: { month: index + 1 }, end: at + monthName(name, element.isShort).length }
    }
    case 'halfDay': {
      const half = text.slice(at, at + 2)
      return half === 'AM' || half === 'PM'
        ? { parts: { isAfternoon: half === 'PM' }, end: at + 2 }
        : undefined
    }
    case 'zone':
      return matchZone(element, text, at)
  }
}

function matchNumber(
  text: string,
  at: number,
  min: number,
  max: number,
  field: NumberField,
  base: number,
): Match | undefined {
  const length = Math.min(max, digitsAt(text, at))
  if (length < min || length === 0) return undefined
  return { parts: { [field]: base + Number(text.slice(at, at + length)) }, end: at + length }
}

const OFFSET_FORMS: Readonly<Record<OffsetStyle, RegExp>> = {
  short: /[+-][0-9]{2}(?:[0-9]{2})?/y,
  plain: /[+-][0-9]{4}/y,
  colon: /[+-][0-9]{2}:[0-9]{2}/y,
}

function matchZone(
  element: { readonly allowsZ: boolean; readonly style: OffsetStyle },
  text: string,
  at: number,
): Match | undefined {
  if (element.allowsZ && text.charAt(at) === 'Z') return { parts: { offset: 0 }, end: at + 1 }
  const form = OFFSET_FORMS[element.style]
  form.lastIndex = at
  const written = form.exec(text)?.[0]
  const offset = written === undefined ? undefined : parseOffset(written)
  if (written === undefined || offset === undefined) return undefined
  return { parts: { offset }, end: at + written.length }
}

function digitsAt(text: string, at: number): number {
  let end = at
  while (end < text.length && '0123456789'.includes(text.charAt(end))) end += 1
  return end - at
}

/** Milliseconds of the digits after the decimal point, rounded down. */
export function milliseconds(digits: string): number {
  return Number(digits.slice(0, 3).padEnd(3, '0'))
}

function monthName(name: string, isShort: boolean): string {
  return isShort ? name.slice(0, SHORT_NAME_LENGTH) : name
}

function printElement(element: Element, date: Required<DateParts>): string {
  switch (element.kind) {
    case 'literal':
      return element.text
    case 'number': {
      const value = element.field === 'clockHour' ? ((date.hour + 11) % 12) + 1 : date[element.field]
      return `${value < 0 ? '-' : ''}${String(Math.abs(value)).padStart(element.min, '0')}`
    }
    case 'shortYear':
      return String(Math.abs(date.year) % 100).padStart(2, '0')
    case 'fraction':
      return String(date.millisecond).padStart(3, '0').padEnd(element.digits, '0').slice(0, element.digits)
    case 'monthName':
      return monthName(MONTH_NAMES[date.month - 1] ?? '', element.isShort)
    case 'halfDay':
      return date.hour < 12 ? 'AM' : 'PM'
    case 'zone': {
      const offset = printOffset(date.offset)
      if (element.allowsZ && date.offset === 0) return 'Z'
      if (element.style === 'colon') return offset
      return element.style === 'short' ? offset.replace(/:00$/, '').replace(':', '') : offset.replace(':', '')
    }
    case 'optional':
      return printDatePattern(element.elements, date)
  }
}

function invalid(pattern: string, reason: string): QueryError {
  return new QueryError('malformed', `Invalid format: [${pattern}]: ${reason}`)
}
