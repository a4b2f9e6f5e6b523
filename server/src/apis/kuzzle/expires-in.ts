import ms from 'ms'
import type { JsonValue } from '../../core/json.ts'
import { fail } from './kuzzle-errors.ts'

/** Longest text that is looked at, as in the library that Kuzzle's contract names. */
const TEXT_LENGTH_MAX = 100

/**
 * Reads an `expiresIn`: a number of ms, a numeric text, or a time span such as `30d`, `1.5h`, `6m` (minutes).
 *
 * Answers undefined when there is none (absent, null, `""` and the number 0), -1 for "never" (`-1` and `"-1"`), else
 * a whole number of ms of at least 1. Kuzzle accepts other negative values and fractions of a millisecond and then
 * issues a dead key, and takes `"-1ms"` for "never"; here they are refused. Other fractions are rounded.
 *
 * @throws {KuzzleError} `api.assert.invalid_argument`
 */
export function parseExpiresIn(value: JsonValue | undefined): number | undefined {
  if (value === undefined || value === null || value === '' || value === 0) return undefined
  if (value === -1 || value === '-1') return -1
  const duration = typeof value === 'string' ? parseTimespan(value) : value
  if (typeof duration !== 'number' || !Number.isFinite(duration) || duration < 1) return refuse()
  return Math.round(duration)
}

/** The same for API keys, which never expire unless they are told to. */
export function parseKeyTtl(value: JsonValue | undefined): number | undefined {
  const ttlMs = parseExpiresIn(value)
  return ttlMs === -1 ? undefined : ttlMs
}

function parseTimespan(text: string): number | undefined {
  return text.length > TEXT_LENGTH_MAX ? undefined : ms(text as ms.StringValue)
}

function refuse(): never {
  return fail(
    'api.assert.invalid_argument',
    'expiresIn',
    'a number of milliseconds, or a parsable timespan string',
  )
}
