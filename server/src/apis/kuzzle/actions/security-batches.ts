import type { BatchDeletion } from '../../../core/key-authority.ts'
import { toKuzzleError } from '../domain-errors.ts'
import { fail, KuzzleError } from '../kuzzle-errors.ts'
import { Outcome } from '../outcome.ts'
import type { KuzzleRequest } from '../request.ts'
import type { ServerFacts } from '../server-facts.ts'

/**
 * The different ids that a request wants deleted.
 *
 * @throws {KuzzleError} `services.storage.write_limit_exceeded` for more than `limits.documentsWriteCount` of them.
 */
export function idsToDelete(request: KuzzleRequest, server: ServerFacts): readonly string[] {
  const ids = request.bodyStrings('ids')
  if (ids.length > server.settings.documentsWriteCount) return fail('services.storage.write_limit_exceeded')
  return [...new Set(ids)]
}

/**
 * The ids that a request wants to see, unless they are too many to be answered.
 *
 * @throws {KuzzleError} `services.storage.get_limit_exceeded` for more than `limits.documentsFetchCount` of them.
 */
export function idsToFetch(ids: readonly string[], server: ServerFacts): readonly string[] {
  if (ids.length > server.settings.documentsFetchCount) return fail('services.storage.get_limit_exceeded')
  return ids
}

/** The deleted ids; when some could not be deleted, as a partial failure that says why. */
export function deletionResult({ deleted, errors }: BatchDeletion): readonly string[] | Outcome {
  if (errors.length === 0) return deleted
  const parts = errors.map(({ error }) => toKuzzleError(error))
  const kept = errors.map(({ id }) => id)
  return new Outcome(deleted, {
    error: new KuzzleError('services.storage.incomplete_delete', [kept], parts),
  })
}
