import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, UserId } from '../ids.ts'
import { scopesKeep } from '../keys/scopes.ts'
import type { Caller } from './caller.ts'
import { isAllowed } from './check-right.ts'
import type { Right } from './rights.ts'

/** What can be done with a key. */
export type KeyOperation =
  /** A new key, or with `rotate` a new secret: whoever has it acts as the owner. */
  | 'create'
  | 'rotate'
  | 'read'
  /** Description and metadata, which bind nobody. */
  | 'describe'
  /** What binds the key: policy, expiry, credits, limits of its owner. */
  | 'change'
  | 'disable'
  /** Also when somebody else disabled it. */
  | 'enable'
  | 'revoke'
  | 'restore'
  /** To ask whether keys are good, on behalf of a service that they are shown to. */
  | 'verify'
  | 'explain'
  /** To learn which fingerprints begin like a given one. */
  | 'range'

/** Any one of the rights suffices: `anybody` for all keys, `own` for those that belong to the caller. */
type Rights = { readonly anybody: readonly Right[]; readonly own: readonly Right[] }

/**
 * Who may do what with keys: the one table. The controller `keys` is ours; the rights beside it are those that Kuzzle
 * asks for the same thing.
 *
 * Rotating needs the right to create and not that to update, because its answer holds a secret of the owner. Restoring
 * is for administrators: who revoked a key may have had a reason that its owner does not know.
 */
export const KEY_RIGHTS: Readonly<Record<KeyOperation, Rights>> = {
  create: { anybody: [keys('create'), security('createApiKey')], own: [auth('createApiKey')] },
  rotate: { anybody: [keys('create'), security('createApiKey')], own: [auth('createApiKey')] },
  read: { anybody: [keys('read'), security('searchApiKeys')], own: [auth('searchApiKeys')] },
  describe: { anybody: [keys('update')], own: [auth('createApiKey')] },
  change: { anybody: [keys('update')], own: [] },
  disable: { anybody: [keys('revoke'), security('deleteApiKey')], own: [auth('deleteApiKey')] },
  enable: { anybody: [keys('update')], own: [] },
  revoke: { anybody: [keys('revoke'), security('deleteApiKey')], own: [auth('deleteApiKey')] },
  restore: { anybody: [keys('update')], own: [] },
  verify: { anybody: [keys('verify')], own: [] },
  explain: { anybody: [keys('explain')], own: [] },
  range: { anybody: [keys('range')], own: [] },
}

/** A key as far as rights hang on it; without an id: one that is yet to be made, or all keys of the owner. */
export type KeySubject = { readonly id?: KeyId; readonly owner: UserId }

/** Whether the caller may do it with keys of everybody. */
export function mayWithAnybodys(context: Context, caller: Caller, operation: KeyOperation): Promise<boolean> {
  return isAnyAllowed(context, caller, KEY_RIGHTS[operation].anybody)
}

/**
 * Whether the caller may do it with this key. Whoever shows a key may always look at that very key, and end it: its
 * holder must be able to get rid of a key that it lost control of, whatever the scopes are.
 */
export async function mayWithKey(
  context: Context,
  caller: Caller,
  operation: KeyOperation,
  key: KeySubject,
): Promise<boolean> {
  if (isHoldersRight(operation) && isShown(caller, key)) return true
  if (key.owner === caller.user.id && (await isAnyAllowed(context, caller, KEY_RIGHTS[operation].own)))
    return true
  return mayWithAnybodys(context, caller, operation)
}

/**
 * Whether the key that is shown, if any, may be used for it by its scopes: all that can be asked of somebody for whom
 * another API vouches, who need not be a user here. Own keys are those of the owner of the key that is shown.
 */
export function shownKeyKeeps(
  asker: Pick<Caller, 'token'>,
  operation: KeyOperation,
  key: { readonly id?: KeyId; readonly owner?: UserId },
): boolean {
  const { token } = asker
  if (token?.kind !== 'key') return true
  if (isHoldersRight(operation) && isShown(asker, key)) return true
  const { anybody, own } = KEY_RIGHTS[operation]
  const rights = key.owner === token.key.owner ? [...own, ...anybody] : anybody
  return rights.some(({ controller, action }) => scopesKeep(token.key.policy?.scopes, controller, action))
}

/**
 * Passes when the caller may do it with this key.
 *
 * @throws {DomainError} `key.not_found` when it may not even see the key, else `right.missing` with `facts.right`.
 */
export async function requireKeyRight(
  context: Context,
  caller: Caller,
  operation: KeyOperation,
  key: KeySubject & { readonly id: KeyId },
): Promise<void> {
  if (await mayWithKey(context, caller, operation, key)) return
  if (await mayWithKey(context, caller, 'read', key)) throw rightMissing(caller, operation, key.owner)
  throw keyNotFound(key.id)
}

/** There is no such key, or none that the caller may see: in the same words, so that ids cannot be probed. */
export function keyNotFound(id: KeyId): DomainError {
  return new DomainError('key.not_found', `Cannot find key "${id}": there is none that you may see`, { id })
}

/** The caller may not do it; `facts.right` is the right that it would need, as `controller:action`. */
export function rightMissing(caller: Caller, operation: KeyOperation, owner?: UserId): DomainError {
  const { anybody, own } = KEY_RIGHTS[operation]
  const [needed] = owner === caller.user.id && own.length > 0 ? own : anybody
  const right = needed === undefined ? '' : `${needed.controller}:${needed.action}`
  return new DomainError(
    'right.missing',
    `Cannot ${operation} keys as user "${caller.user.id}": the right "${right}" is needed`,
    { right, operation, user: caller.user.id },
  )
}

function isHoldersRight(operation: KeyOperation): boolean {
  return operation === 'read' || operation === 'revoke'
}

function isShown({ token }: Pick<Caller, 'token'>, { id }: { readonly id?: KeyId }): boolean {
  return token?.kind === 'key' && token.key.id === id
}

async function isAnyAllowed(context: Context, caller: Caller, rights: readonly Right[]): Promise<boolean> {
  for (const right of rights) if (await isAllowed(context, caller, right)) return true
  return false
}

function keys(action: string): Right {
  return { controller: 'keys', action }
}

function security(action: string): Right {
  return { controller: 'security', action }
}

function auth(action: string): Right {
  return { controller: 'auth', action }
}
