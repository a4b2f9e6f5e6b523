import type { Actor } from '../access/caller.ts'
import { KEY_RIGHTS, type KeyOperation, shownKeyKeeps } from '../access/key-rights.ts'
import { networkOf } from '../access/network-of.ts'
import { describeRefusal } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError, type ErrorCode } from '../errors.ts'
import { ID_BYTES_MAX, type KeyId, type UserId } from '../ids.ts'
import type { ManagedAct, Manager } from '../key-authority.ts'

/** The manager as who is noted to have done something, with the key that it shows. */
export function actorOf({ by, shown, origin }: Manager): Actor {
  return { user: { id: by }, origin, ...(shown !== undefined && { token: { kind: 'key', key: shown } }) }
}

/**
 * Passes when the key that the manager shows lets it do this, as it would in every other language: `check` throws when it
 * does not. A refusal leaves an audit event.
 *
 * @throws {DomainError} what `check` throws; `facts.issuer` is the key that was shown.
 */
export function requireOfShownKey(
  context: Context,
  manager: Manager,
  act: ManagedAct,
  check: (actor: Actor) => void,
): void {
  try {
    check(actorOf(manager))
  } catch (error) {
    if (error instanceof DomainError) noteRefused(context, manager, act, error.code)
    throw error
  }
}

/** @throws {DomainError} `right.missing`: the scopes of the key that is shown do not keep the operation. */
export function checkScopes(
  actor: Actor,
  operation: KeyOperation,
  key: { readonly id?: KeyId; readonly owner?: UserId },
): void {
  if (shownKeyKeeps(actor, operation, key) || actor.token?.kind !== 'key') return
  const { id, owner } = actor.token.key
  const { anybody, own } = KEY_RIGHTS[operation]
  const [needed] = key.owner === owner && own.length > 0 ? own : anybody
  const right = needed === undefined ? '' : `${needed.controller}:${needed.action}`
  throw new DomainError(
    'right.missing',
    `Cannot ${operation} keys with key "${id}": its scopes must keep "${right}"`,
    { issuer: id, right, operation, user: actor.user.id },
  )
}

/** Leaves a trace of what somebody was not let do; refusals of one kind from one network become one. */
export function noteRefused(
  context: Context,
  manager: Manager,
  { action, subject }: ManagedAct,
  code: ErrorCode,
): void {
  const by = manager.by.slice(0, ID_BYTES_MAX) as UserId
  const change = {
    by: actorOf({ ...manager, by }),
    action,
    subject: subject.slice(0, SUBJECT_LENGTH_MAX),
  }
  context.refusals.add(
    `${action} forbidden ${by} ${networkOf(manager.origin.address ?? '')}`,
    describeRefusal(change, code, context.clock.now()),
  )
}

/** Of a subject that was refused, perhaps for its length. */
const SUBJECT_LENGTH_MAX = 256
