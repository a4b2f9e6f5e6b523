import ms from 'ms'
import { z } from 'zod'

/** What values a setting may have, whichever source they come from. */
export type SettingKind<T> = {
  /** Parses a value as the configuration file holds it. */
  readonly type: z.ZodType<T>
  /** What the text of an environment variable or flag stands for; the result still goes through `type`. */
  readonly readText: (text: string) => unknown
  /** Completes the sentence "it must be ...". */
  readonly expected: string
  /** Yes-or-no: as a flag it needs no value. */
  readonly isSwitch: boolean
  /** What may be shown of a value; only secrets have it. */
  show?(value: T): unknown
}

/** A secret as a function, so that nothing that prints settings can print it. */
export type Reveal = () => string

/** True or false. Text: `true`, `false`, `1`, `0`. */
export function onOrOff(): SettingKind<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false }
  return {
    type: z.boolean(),
    readText: (text) => words[text.toLowerCase()] ?? text,
    expected: 'true or false',
    isSwitch: true,
  }
}

/** A whole number within bounds; `unlimited` also accepts -1. */
export function wholeNumber(
  min: number,
  max: number,
  unlimited: 'unlimited' | undefined = undefined,
): SettingKind<number> {
  return {
    type: z.int().refine(isWithin(min, max, unlimited)),
    readText: numberOrText,
    expected: `a whole number from ${min} to ${max}${unlimited ? ', or -1 for no limit' : ''}`,
    isSwitch: false,
  }
}

/** A number from 0 to `max`, whole or not. */
export function rate(max: number): SettingKind<number> {
  return {
    type: z.number().min(0).max(max),
    readText: numberOrText,
    expected: `a number from 0 to ${max}`,
    isSwitch: false,
  }
}

/**
 * A length of time, given as text such as `90s`, `1h`, `7d`, or as a number of `unit`. The value is in ms, whatever
 * the unit; bounds are texts of the same form. `unlimited` also accepts -1 and less, and gives -1.
 */
export function duration(
  min: ms.StringValue,
  max: ms.StringValue,
  options: { readonly unit?: 'ms' | 's'; readonly unlimited?: true } = {},
): SettingKind<number> {
  const unit = options.unit ?? 'ms'
  const unlimited = options.unlimited ? 'unlimited' : undefined
  const inMs = (value: string | number): number => {
    if (typeof value === 'string')
      return (
        ms(/[a-z]/i.test(value) ? (value as ms.StringValue) : ('no unit' as ms.StringValue)) ?? Number.NaN
      )
    // Kuzzle takes every negative number for "no limit".
    if (unlimited !== undefined && value <= -1) return -1
    return unit === 's' ? value * 1000 : value
  }
  return {
    type: z
      .union([z.string().min(1).max(32), z.number()])
      .transform(inMs)
      .pipe(z.int().refine(isWithin(ms(min), ms(max), unlimited))),
    readText: numberOrText,
    expected: `a duration from ${min} to ${max}, such as "1h" or a number of ${unit === 's' ? 'seconds' : 'milliseconds'}${unlimited ? ', or -1 for no limit' : ''}`,
    isSwitch: false,
  }
}

const SIZE = /^(\d{1,9}(?:\.\d{1,3})?) ?(b|kb|mb|gb)$/i
const BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** An amount of data, given as text such as `512KB` or `1MB`, or as a number of bytes. The value is in bytes. */
export function size(min: string, max: string): SettingKind<number> {
  return {
    type: z
      .union([z.string(), z.number()])
      .transform(inBytes)
      .pipe(z.int().refine(isWithin(inBytes(min), inBytes(max)))),
    readText: numberOrText,
    expected: `a size from ${min} to ${max}, such as "1MB" or a number of bytes`,
    isSwitch: false,
  }
}

/** One of some words. */
export function choice<const Word extends string>(words: readonly Word[]): SettingKind<Word> {
  return {
    type: z.enum(words),
    readText: (text) => text,
    expected: `one of ${words.join(', ')}`,
    isSwitch: false,
  }
}

/** Text of 1 to `max` characters; `expected` says what it means. */
export function text(max: number, expected: string): SettingKind<string> {
  return { type: z.string().min(1).max(max), readText: (given) => given, expected, isSwitch: false }
}

const LIST_MAX = 1_000

/** A list of texts; text is split at commas. */
export function list(): SettingKind<readonly string[]> {
  const items = z.array(z.string().min(1)).max(LIST_MAX)
  return {
    type: z.union([items, z.string().min(1).transform(atCommas).pipe(items)]),
    readText: (given) => (given.startsWith('[') ? jsonOrText(given) : given),
    expected: 'a list of texts, or one text with commas between them',
    isSwitch: false,
  }
}

/** A text that is never shown; `show` may give a part of it. */
export function secret(
  min: number,
  expected: string,
  show: (text: string) => string = hidden,
): SettingKind<Reveal> {
  return {
    type: z
      .string()
      .min(min)
      .max(4096)
      .transform(
        (value): Reveal =>
          () =>
            value,
      ),
    readText: (given) => given,
    expected,
    isSwitch: false,
    show: (reveal) => show(reveal()),
  }
}

function hidden(): string {
  return '[secret]'
}

function isWithin(min: number, max: number, unlimited?: 'unlimited'): (value: number) => boolean {
  return (value) => (value >= min && value <= max) || (unlimited !== undefined && value === -1)
}

function numberOrText(given: string): unknown {
  return /^-?\d+(\.\d+)?$/.test(given) ? Number(given) : given
}

function inBytes(value: string | number): number {
  if (typeof value === 'number') return value
  const [, amount, unit] = SIZE.exec(value) ?? []
  return Math.floor(Number(amount) * (BYTES[unit?.toLowerCase() ?? ''] ?? Number.NaN))
}

function atCommas(given: string): readonly string[] {
  return given.split(',').map((item) => item.trim())
}

function jsonOrText(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch {
    return given
  }
}
