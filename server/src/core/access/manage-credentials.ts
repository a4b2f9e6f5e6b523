import type { Search, SearchPage } from '../../query/search.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { CredentialsInfo } from '../key-authority.ts'
import { checkMaySetPasswords } from '../keys/keys-issuing-keys.ts'
import type { CredentialsChange } from '../ports/user-store.ts'
import { refuseAnonymous } from './anonymous-user.ts'
import type { Caller } from './caller.ts'
import type { Credentials } from './credentials.ts'
import { checkStrategy, parseChangedCredentials, parseNewCredentials } from './local-credentials.ts'

/** Whose credentials of which strategy. */
export type CredentialsOwner = { readonly strategy: string; readonly owner: UserId }

/**
 * Gives a user a way to log in.
 *
 * @throws {DomainError} `credentials.unknown_strategy`, `credentials.invalid`, `credentials.already_exist`,
 *   `credentials.username_taken`, `user.not_found`, `user.anonymous_immutable`, `server.overloaded`;
 *   `key.issuing_forbidden` when the caller shows a key that may not issue tokens.
 */
export async function createCredentials(
  context: Context,
  caller: Caller,
  { strategy, owner, body }: CredentialsOwner & { readonly body: JsonObject },
): Promise<CredentialsInfo> {
  checkStrategy(strategy)
  refuseAnonymous(owner)
  checkMaySetPasswords(context.settings, caller)
  const credentials = await hashCredentials(context, owner, body)
  const change = { by: caller, action: 'credentials.create', subject: `user:${owner}` } as const
  await recordChange(context, { ...change, details: { strategy } }, (event) =>
    context.storage.users.createCredentials(credentials, event),
  )
  return infoOf(credentials)
}

/** Complete credentials with their password hashed. @throws {DomainError} `credentials.invalid`, `server.overloaded`. */
export async function hashCredentials(
  context: Context,
  owner: UserId,
  body: JsonObject,
): Promise<Credentials> {
  const { username, password } = parseNewCredentials(body)
  return { strategy: 'local', owner, username, passwordHash: await context.passwords.hash(password) }
}

/**
 * Changes username, password, or both.
 *
 * @throws {DomainError} `credentials.unknown_strategy`, `credentials.invalid`, `credentials.not_found`,
 *   `credentials.username_taken`, `server.overloaded`; `key.issuing_forbidden` when the caller shows a key that may not
 *   issue tokens.
 */
export async function updateCredentials(
  context: Context,
  caller: Caller,
  { strategy, owner, body }: CredentialsOwner & { readonly body: JsonObject },
): Promise<CredentialsInfo> {
  checkStrategy(strategy)
  checkMaySetPasswords(context.settings, caller)
  const { username, password } = parseChangedCredentials(body)
  // Asked first, so that no password is hashed in vain.
  await findCredentials(context, owner)
  const parts: CredentialsChange = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { passwordHash: await context.passwords.hash(password) }),
  }
  const details = { strategy, username: username !== undefined, password: password !== undefined }
  const change = { by: caller, action: 'credentials.update', subject: `user:${owner}`, details } as const
  return infoOf(
    await recordChange(context, change, (event) =>
      context.storage.users.updateCredentials(owner, parts, event),
    ),
  )
}

/**
 * Passes when these could be the credentials of `owner`, or of a new user.
 *
 * @throws {DomainError} `credentials.unknown_strategy`, `credentials.invalid`, `credentials.username_taken`.
 */
export async function validateCredentials(
  context: Context,
  strategy: string,
  { owner, body }: { readonly owner: UserId | undefined; readonly body: JsonObject },
): Promise<void> {
  checkStrategy(strategy)
  const { username } = parseNewCredentials(body)
  const holder = await context.storage.users.findCredentialsByUsername(username)
  if (holder === undefined || holder.owner === owner) return
  throw new DomainError(
    'credentials.username_taken',
    `Cannot use the username "${username}": it is somebody else's`,
    { username },
  )
}

/** Takes a way to log in from a user. @throws {DomainError} `credentials.unknown_strategy`, `credentials.not_found`. */
export async function removeCredentials(
  context: Context,
  caller: Caller,
  { strategy, owner }: CredentialsOwner,
): Promise<void> {
  checkStrategy(strategy)
  const change = { by: caller, action: 'credentials.delete', subject: `user:${owner}` } as const
  await recordChange(context, { ...change, details: { strategy } }, (event) =>
    context.storage.users.removeCredentials(owner, event),
  )
}

/** Names of the strategies with which the user can log in. */
export async function strategiesOf(context: Context, owner: UserId): Promise<readonly string[]> {
  const credentials = await context.storage.users.findCredentials(owner)
  return credentials === undefined ? [] : [credentials.strategy]
}

/** @throws {DomainError} `credentials.unknown_strategy` */
export async function credentialsExist(
  context: Context,
  { strategy, owner }: CredentialsOwner,
): Promise<boolean> {
  checkStrategy(strategy)
  return (await context.storage.users.findCredentials(owner)) !== undefined
}

/** @throws {DomainError} `credentials.unknown_strategy`, `credentials.not_found` with `facts.owner`. */
export async function getCredentials(
  context: Context,
  { strategy, owner }: CredentialsOwner,
): Promise<CredentialsInfo> {
  checkStrategy(strategy)
  return infoOf(await findCredentials(context, owner))
}

/** By the name used at login. @throws {DomainError} `credentials.unknown_strategy`, `credentials.not_found`. */
export async function getCredentialsByUsername(
  context: Context,
  strategy: string,
  username: string,
): Promise<CredentialsInfo> {
  checkStrategy(strategy)
  const credentials = await context.storage.users.findCredentialsByUsername(username)
  if (credentials === undefined) throw notFound(username)
  return infoOf(credentials)
}

/** @throws {DomainError} `credentials.unknown_strategy`. @throws {QueryError} */
export async function searchCredentials(
  context: Context,
  strategy: string,
  search: Search,
): Promise<SearchPage<CredentialsInfo>> {
  checkStrategy(strategy)
  const page = await context.storage.users.searchCredentials(search)
  return { ...page, hits: page.hits.map(infoOf) }
}

async function findCredentials(context: Context, owner: UserId): Promise<Credentials> {
  const credentials = await context.storage.users.findCredentials(owner)
  if (credentials === undefined) throw notFound(owner)
  return credentials
}

function notFound(owner: string): DomainError {
  return new DomainError('credentials.not_found', `Cannot find credentials of "${owner}": there are none`, {
    owner,
  })
}

function infoOf({ username, owner }: Credentials): CredentialsInfo {
  return { username, owner }
}
