import type { CoreSettings } from '../core-settings.ts'
import { DomainError } from '../errors.ts'
import { INSTANT_MAX, type Instant } from '../record.ts'
import type { Session } from './session.ts'

/** What a client says instead of a length of life for "never expires". */
export const INFINITE_TTL = -1

/**
 * How long a new session lives: as asked, else as configured; within `security.authToken.maxTTL`.
 *
 * A default that is longer than the maximum is cut, because the client that named none did nothing wrong.
 *
 * @throws {DomainError} `session.ttl_exceeded`, `session.ttl_invalid`, with `facts.ttlMs`.
 */
export function sessionLife(
  settings: Pick<CoreSettings, 'sessionTtlMs' | 'sessionMaxTtlMs'>,
  askedMs: number | undefined,
  now: Instant,
): Pick<Session, 'ttlMs' | 'expiresAt'> {
  const max = settings.sessionMaxTtlMs
  const isLimited = max >= 0
  const defaultMs = settings.sessionTtlMs < 0 ? INFINITE_TTL : settings.sessionTtlMs
  const cutDefaultMs = isLimited && (defaultMs === INFINITE_TTL || defaultMs > max) ? max : defaultMs
  const ttlMs = askedMs ?? cutDefaultMs

  if (isLimited && (ttlMs === INFINITE_TTL || ttlMs > max)) {
    throw new DomainError(
      'session.ttl_exceeded',
      `Cannot create a session of ${ttlMs} ms: ${max} ms is the limit`,
      { ttlMs, ttlMsMax: max },
    )
  }
  if (ttlMs === INFINITE_TTL) return {}
  if (Number.isInteger(ttlMs) && ttlMs >= 1 && now + ttlMs <= INSTANT_MAX)
    return { ttlMs, expiresAt: now + ttlMs }
  throw new DomainError(
    'session.ttl_invalid',
    `Cannot create a session of ${ttlMs} ms: a whole number of at least 1 is needed`,
    { ttlMs },
  )
}
