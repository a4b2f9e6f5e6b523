import ms from 'ms'
import { fail } from './kuzzle-errors.ts'
import type { KuzzleRequest } from './request.ts'
import type { KuzzleSettings } from './server-facts.ts'

/** Longest text that is looked at, as in the library that reads it. */
const TEXT_LENGTH_MAX = 100

/**
 * For how many ms a request wants a result kept (`scroll`: `30s`, `1m`, `5000`); undefined when it does not say.
 *
 * @throws {KuzzleError} `services.storage.scroll_duration_too_great`, `api.assert.invalid_type`, `invalid_argument`.
 */
export function parseScrollDuration(request: KuzzleRequest, settings: KuzzleSettings): number | undefined {
  const text = request.optionalString('scroll')
  if (text === undefined || text === '') return undefined
  const duration = text.length > TEXT_LENGTH_MAX ? undefined : ms(text as ms.StringValue)
  if (duration === undefined || !(duration > 0)) {
    return fail('api.assert.invalid_argument', 'scroll', 'a parsable timespan string')
  }
  if (duration <= settings.maxScrollDurationMs) return duration
  return fail('services.storage.scroll_duration_too_great', text)
}
