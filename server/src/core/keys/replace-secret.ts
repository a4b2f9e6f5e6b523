import { DomainError } from '../errors.ts'
import type { NewSecret } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { type ApiKey, PREVIOUS_SECRETS_MAX, type PreviousSecret } from './api-key.ts'
import { isoTime } from './explain-takings.ts'

/**
 * A key with the secret of a rotation in place of its newest one. The replaced secret ends at `to.previousGoodUntil`, and
 * earlier ones then at the latest; what is not good after `now` any more is no longer among them.
 *
 * @throws {DomainError} `key.rotating` with `facts.count` when more than `PREVIOUS_SECRETS_MAX` would still be good.
 */
export function replaceSecret(key: ApiKey, to: NewSecret, now: Instant): ApiKey {
  const { fingerprint, hint, goodFrom } = to
  const { hint: _hint, goodFrom: _goodFrom, previous: _previous, ...rest } = key
  const previous = earlierSecrets(key, to, now)
  if (previous.length > PREVIOUS_SECRETS_MAX) throw tooManySecrets(key, previous.slice(1))
  return {
    ...rest,
    fingerprint,
    ...(hint !== undefined && { hint }),
    ...(goodFrom !== undefined && { goodFrom }),
    ...(previous.length > 0 && { previous }),
  }
}

/** Newest first. */
function earlierSecrets(
  { fingerprint, previous = [] }: ApiKey,
  { previousGoodUntil: end = Number.NEGATIVE_INFINITY, cancelsPlan }: NewSecret,
  now: Instant,
): readonly PreviousSecret[] {
  const earlier = previous.filter(({ goodUntil }) => goodUntil > now)
  const newest = { fingerprint, goodUntil: end }
  const [replaced, ...others] = cancelsPlan ? earlier : [newest, ...earlier]
  if (replaced === undefined) return []
  const ending = others.map((secret) => ({ ...secret, goodUntil: Math.min(secret.goodUntil, end) }))
  return [{ ...replaced, goodUntil: end }, ...ending].filter(({ goodUntil }) => goodUntil > now)
}

function tooManySecrets({ id }: ApiKey, stillGood: readonly PreviousSecret[]): DomainError {
  const count = stillGood.length
  const firstEnd = Math.min(...stillGood.map(({ goodUntil }) => goodUntil))
  return new DomainError(
    'key.rotating',
    `Cannot rotate key "${id}" with a grace: ${count} earlier secrets are still good, and that is the limit; ` +
      `wait until ${isoTime(firstEnd)}, or rotate without a grace, which ends them all`,
    { id, count },
  )
}
