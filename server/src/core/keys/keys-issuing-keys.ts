import type { Caller } from '../access/caller.ts'
import type { CoreSettings } from '../core-settings.ts'
import { DomainError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'

/**
 * Passes unless the caller shows a key and, keys being forbidden to issue, the new key would exceed it: belong to
 * somebody else, or live longer. So a stolen key that expires gives nobody a key that stays.
 *
 * @throws {DomainError} `key.issuing_forbidden`, `key.outlives_issuer`; `facts.issuer` is the key that was shown.
 */
export function checkMayIssue(
  settings: CoreSettings,
  caller: Caller,
  owner: UserId,
  expiresAt: Instant | undefined,
): void {
  const issuer = boundIssuer(settings, caller)
  if (issuer === undefined) return
  if (owner !== issuer.owner) {
    throw new DomainError(
      'key.issuing_forbidden',
      `Cannot issue a key for "${owner}" with key "${issuer.id}": it belongs to "${issuer.owner}"`,
      { issuer: issuer.id, owner },
    )
  }
  checkOutlives(issuer, expiresAt)
}

/**
 * Passes unless the caller shows a key and keys are forbidden to issue: a session could then issue keys without the
 * bounds of the key that it came from.
 *
 * @throws {DomainError} `key.outlives_issuer`, `key.issuing_forbidden`.
 */
export function checkMayCreateToken(
  settings: CoreSettings,
  caller: Caller,
  expiresAt: Instant | undefined,
): void {
  const issuer = boundIssuer(settings, caller)
  if (issuer === undefined) return
  checkOutlives(issuer, expiresAt)
  throw new DomainError(
    'key.issuing_forbidden',
    `Cannot create a token with key "${issuer.id}": keys may not issue tokens here`,
    { issuer: issuer.id, owner: issuer.owner },
  )
}

function boundIssuer(settings: CoreSettings, caller: Caller): ApiKey | undefined {
  if (settings.apiKeyMayIssueKeys || caller.token?.kind !== 'key') return undefined
  return caller.token.key
}

function checkOutlives(issuer: ApiKey, expiresAt: Instant | undefined): void {
  if (issuer.expiresAt === undefined) return
  if (expiresAt !== undefined && expiresAt <= issuer.expiresAt) return
  throw new DomainError(
    'key.outlives_issuer',
    `Cannot issue a token that lives longer than key "${issuer.id}", which was used to ask for it`,
    { issuer: issuer.id, expiresAt: expiresAt ?? null, issuerExpiresAt: issuer.expiresAt },
  )
}
