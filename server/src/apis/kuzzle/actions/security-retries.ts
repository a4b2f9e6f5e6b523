import type { KuzzleRequest } from '../request.ts'

/**
 * Passes when `retryOnConflict` is absent or a whole number. Changes are atomic here and never conflict, so that there
 * is nothing to retry; but a client that sends nonsense is told so, as by Kuzzle.
 *
 * @throws {KuzzleError} `api.assert.invalid_type`
 */
export function checkRetries(request: KuzzleRequest): void {
  request.integer('retryOnConflict', 10)
}
