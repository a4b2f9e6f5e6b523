import type { Caller } from '../access/caller.ts'
import type { CoreSettings } from '../core-settings.ts'
import { DomainError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'

/** Who asks, as far as it matters here: by what it shows. */
type Shower = Pick<Caller, 'token'>

/**
 * Passes unless the caller shows a key that is bound by a policy, which a new key would escape; or, keys being forbidden
 * to issue, one that the new key would exceed: belong to somebody else, or live longer. So a stolen key that expires
 * gives nobody a key that stays. A new secret for a key counts as a new key, and so does a longer life.
 *
 * @throws {DomainError} `key.issuing_forbidden`, `key.outlives_issuer`; `facts.issuer` is the key that was shown.
 */
export function checkMayIssue(
  settings: CoreSettings,
  caller: Shower,
  owner: UserId,
  expiresAt: Instant | undefined,
): void {
  refusePolicyKeys(caller)
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
 * Passes unless the caller shows a key that is bound by a policy, or keys are forbidden to issue: a session could then
 * do, and issue, what the key that it came from cannot.
 *
 * @throws {DomainError} `key.outlives_issuer`, `key.issuing_forbidden`.
 */
export function checkMayCreateToken(
  settings: CoreSettings,
  caller: Shower,
  expiresAt: Instant | undefined,
): void {
  refusePolicyKeys(caller)
  const issuer = boundIssuer(settings, caller)
  if (issuer === undefined) return
  checkOutlives(issuer, expiresAt)
  throw new DomainError(
    'key.issuing_forbidden',
    `Cannot create a token with key "${issuer.id}": keys may not issue tokens here`,
    { issuer: issuer.id, owner: issuer.owner },
  )
}

/**
 * Passes unless the caller shows a key that is bound by a policy: with it nobody may loosen anything that binds a key,
 * itself perhaps, whatever its scopes say. To end, disable and look at keys it can be used.
 *
 * @throws {DomainError} `key.policy_forbidden`
 */
export function checkMayLoosen(caller: Shower): void {
  const issuer = policyKeyOf(caller)
  if (issuer === undefined) return
  throw new DomainError(
    'key.policy_forbidden',
    `Cannot change what binds keys with key "${issuer.id}", which is bound by a policy itself`,
    { issuer: issuer.id, owner: issuer.owner },
  )
}

/**
 * Passes unless the caller shows a key that is bound by a policy, or keys are forbidden to issue: with a password that it
 * chose, its holder could log in, and a session is bound by nothing and outlives the key.
 *
 * @throws {DomainError} `key.issuing_forbidden`
 */
export function checkMaySetPasswords(settings: CoreSettings, caller: Shower): void {
  refusePolicyKeys(caller)
  const issuer = boundIssuer(settings, caller)
  if (issuer === undefined) return
  throw new DomainError(
    'key.issuing_forbidden',
    `Cannot set a password with key "${issuer.id}": keys may not issue tokens here, and a login would be one`,
    { issuer: issuer.id, owner: issuer.owner },
  )
}

function refusePolicyKeys(caller: Shower): void {
  const issuer = policyKeyOf(caller)
  if (issuer === undefined) return
  throw new DomainError(
    'key.issuing_forbidden',
    `Cannot issue anything with key "${issuer.id}": it is bound by a policy, which a new token would escape`,
    { issuer: issuer.id, owner: issuer.owner },
  )
}

function policyKeyOf({ token }: Shower): ApiKey | undefined {
  return token?.kind === 'key' && token.key.policy !== undefined ? token.key : undefined
}

function boundIssuer(settings: CoreSettings, caller: Shower): ApiKey | undefined {
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
