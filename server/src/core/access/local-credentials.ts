import { DomainError } from '../errors.ts'
import type { JsonObject } from '../json.ts'

/** Names of the ways to log in. */
export const STRATEGIES: readonly string[] = ['local']

/** Names of the members of `local` credentials. */
export const LOCAL_FIELDS: readonly string[] = ['username', 'password']

/** Most bytes of UTF-8 of a username. */
export const USERNAME_BYTES_MAX = 512

/** Most bytes of UTF-8 of a password: enough for any phrase, and it bounds what hashing a password may cost. */
export const PASSWORD_BYTES_MAX = 1_024

/** Why `local` credentials were refused, as `facts.problem` of `credentials.invalid`. */
export type CredentialsProblem =
  | 'username_required'
  | 'password_required'
  | 'username_or_password_required'
  | 'owner_specified'
  | 'username_unusable'
  | 'password_unusable'

/** @throws {DomainError} `credentials.unknown_strategy` with `facts.strategy`. */
export function checkStrategy(strategy: string): void {
  if (STRATEGIES.includes(strategy)) return
  throw new DomainError(
    'credentials.unknown_strategy',
    `Cannot use the strategy "${strategy}": only ${STRATEGIES.join(', ')} exists`,
    { strategy },
  )
}

/**
 * Credentials that are complete.
 *
 * @throws {DomainError} `credentials.invalid` with `facts.problem` (`CredentialsProblem`).
 */
export function parseNewCredentials(body: JsonObject): {
  readonly username: string
  readonly password: string
} {
  const { username, password } = parseParts(body)
  if (username === undefined) throw invalid('username_required')
  if (password === undefined) throw invalid('password_required')
  return { username, password }
}

/**
 * A change of credentials: a new username, a new password, or both.
 *
 * @throws {DomainError} `credentials.invalid` with `facts.problem` (`CredentialsProblem`).
 */
export function parseChangedCredentials(body: JsonObject): {
  readonly username?: string
  readonly password?: string
} {
  const parts = parseParts(body)
  if (parts.username === undefined && parts.password === undefined) {
    throw invalid('username_or_password_required')
  }
  return parts
}

/** True when this can be somebody's username or password at all. */
export function isUsable(text: string, bytesMax: number): boolean {
  return text !== '' && text.isWellFormed() && !text.includes('\u0000') && Buffer.byteLength(text) <= bytesMax
}

function parseParts(body: JsonObject): { readonly username?: string; readonly password?: string } {
  // The owner is named beside the credentials; one inside them would hand the login to somebody else.
  if (isGiven(body['kuid'])) throw invalid('owner_specified')
  const username = parsePart(body['username'], USERNAME_BYTES_MAX, 'username_unusable')
  const password = parsePart(body['password'], PASSWORD_BYTES_MAX, 'password_unusable')
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) }
}

function parsePart(value: unknown, bytesMax: number, problem: CredentialsProblem): string | undefined {
  if (!isGiven(value)) return undefined
  if (typeof value === 'string' && isUsable(value, bytesMax)) return value
  throw invalid(problem)
}

/** The `local` plugin of Kuzzle takes `null`, `""`, `0` and `false` for absent. */
function isGiven(value: unknown): boolean {
  return Boolean(value)
}

const WORDS: Readonly<Record<CredentialsProblem, string>> = {
  username_required: 'a username is required',
  password_required: 'a password is required',
  username_or_password_required: 'a username or a password is required',
  owner_specified: 'they must not name their owner',
  username_unusable: `a username is text of at most ${USERNAME_BYTES_MAX} bytes`,
  password_unusable: `a password is text of at most ${PASSWORD_BYTES_MAX} bytes`,
}

function invalid(problem: CredentialsProblem): DomainError {
  return new DomainError('credentials.invalid', `Cannot use the credentials: ${WORDS[problem]}`, {
    strategy: 'local',
    problem,
  })
}
