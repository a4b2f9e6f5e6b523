import { decodeJwt } from 'jose'
import { DomainError } from '../../../core/errors.ts'
import { ID_BYTES_MAX, type KeyId } from '../../../core/ids.ts'
import { type ApiKey, isExpired } from '../../../core/keys/api-key.ts'
import { tokenDisplayId } from '../../../core/keys/knox-token.ts'
import { looksLikeJwt } from '../knox-claims.ts'
import type { KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import { type Change, type ChangeFlag, done, ERROR_CODES, refused } from './life-cycle-reply.ts'
import { isForbiddenByKey, isOwn, isRenewer, managerOf, ownsOf } from './token-owner.ts'
import type { TokenServiceParts } from './token-service-parts.ts'
import type { TokenSettings } from './token-settings.ts'

/** Who changes a token, and by which rules. */
export type Changing = {
  readonly request: KnoxRequest
  readonly principal: Principal
  readonly settings: TokenSettings
  /** Whether the state of tokens is kept here at all. */
  readonly managed: boolean
  readonly parts: TokenServiceParts
}

/** A token that is about to expire may not be renewed any more: its holder could not use it in time. */
const RENEWAL_MARGIN_MS = 30_000

/** As Java reads a UUID: parts may be shorter than they are printed. */
const UUID = /^[0-9a-f]{1,8}-[0-9a-f]{1,4}-[0-9a-f]{1,4}-[0-9a-f]{1,4}-[0-9a-f]{1,12}$/i

/**
 * The id in a body: itself, that of the JSON Web Token which the body is, or that of a key which another language named;
 * undefined: none of them.
 */
async function tokenIdIn(text: string, { tokens }: TokenServiceParts): Promise<KeyId | undefined> {
  if (UUID.test(text)) return text.toLowerCase() as KeyId
  try {
    const id = decodeJwt(text)['knox.id']
    return typeof id === 'string' ? (id as KeyId) : undefined
  } catch {
    const key = isPossibleId(text) ? await tokens.get(text as KeyId) : undefined
    return key?.id
  }
}

function isPossibleId(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= ID_BYTES_MAX
}

const UNREADABLE = 'Invalid token: neither the id of a token nor a serialized token'

/** Renews a token by its id or text; Knox takes only the text, which holders of API keys never have. */
export function renewToken(text: string, changing: Changing): Promise<Change> {
  return unlessByKey('renewed', () => renew(text, changing))
}

async function renew(text: string, changing: Changing): Promise<Change> {
  const { principal, settings, managed, parts } = changing
  if (!managed) return unchangedLife(text)
  if (!isRenewer(principal, settings)) {
    noteForbidden(changing, 'key.update', text)
    const caller = principal.effective
    return notRenewed(403, `Caller (${caller}) not authorized to renew tokens.`, ERROR_CODES.unauthorized)
  }
  const id = await tokenIdIn(text, parts)
  if (id === undefined) return notRenewed(400, UNREADABLE, ERROR_CODES.invalidToken)
  const token = await parts.tokens.get(id)
  if (token === undefined) return unknownForRenewal(id)
  const now = parts.now()
  // As Knox: what never expires has nothing to renew.
  if (token.expiresAt === undefined || isExpired(token, now)) return tooLate()
  const expiresAt = now + settings.renewIntervalMs
  const end = token.knox?.maxLifetimeAt
  if (end !== undefined && expiresAt + RENEWAL_MARGIN_MS >= end) return beyondLimit()
  try {
    const renewed = await parts.tokens.renew(id, expiresAt, managerOf(changing.request, principal))
    return renewed === undefined ? unknownForRenewal(id) : done('renewed', [['expires', String(expiresAt)]])
  } catch (error) {
    // It expired, or somebody else renewed it, in this moment.
    if (error instanceof DomainError && error.code === 'key.ttl_invalid') return tooLate()
    if (error instanceof DomainError && error.code === 'key.ttl_exceeded') return beyondLimit()
    throw error
  }
}

function notRenewed(status: number, error: string, code: number): Change {
  return refused('renewed', status, error, code)
}

/** Only for renewal has it this number. */
function unknownForRenewal(id: string): Change {
  return notRenewed(400, `Unknown token: ${tokenDisplayId(id)}`, ERROR_CODES.internal)
}

function tooLate(): Change {
  return notRenewed(400, 'Expired tokens must not be renewed.', ERROR_CODES.expired)
}

function beyondLimit(): Change {
  return notRenewed(400, 'The renewal limit for the token has been exceeded', ERROR_CODES.internal)
}

/** Where the state of tokens is not kept, they live as long as they say themselves, and that is answered. */
function unchangedLife(text: string): Change {
  try {
    const { exp } = decodeJwt(text)
    return done('renewed', [['expires', exp === undefined ? '-1' : String(exp * 1_000)]])
  } catch {
    return notRenewed(400, UNREADABLE, ERROR_CODES.invalidToken)
  }
}

/** Ends a token, by its holder, its maker, or somebody who is listed. */
export function revokeToken(text: string, changing: Changing): Promise<Change> {
  return unlessByKey('revoked', () => revoke(text, changing))
}

async function revoke(text: string, changing: Changing): Promise<Change> {
  const { request, principal, managed, parts } = changing
  const refuse = (status: number, error: string, code: number) => refused('revoked', status, error, code)
  if (!managed) return refuse(400, 'Token revocation support is not configured', ERROR_CODES.configuration)
  const id = await tokenIdIn(text, parts)
  if (id === undefined) return refuse(400, UNREADABLE, ERROR_CODES.invalidToken)
  const token = await parts.tokens.get(id)
  if (token !== undefined && !(await mayChange(token, changing))) {
    noteForbidden(changing, 'key.delete', id)
    const caller = principal.effective
    return refuse(403, `Caller (${caller}) not authorized to revoke tokens.`, ERROR_CODES.unauthorized)
  }
  const gone = token && (await parts.tokens.revoke(id, managerOf(request, principal)))
  if (gone !== undefined) return done('revoked')
  return refuse(400, `Unknown token: ${tokenDisplayId(id)}`, ERROR_CODES.unknownToken)
}

/**
 * Enables or disables a token, by its holder, its maker, or somebody who is listed; Knox let everybody do so.
 *
 * `always`: that it is so already is no error.
 */
export function setEnabled(text: string, to: Enabling, changing: Changing): Promise<Change> {
  return unlessByKey('setEnabledFlag', () => set(text, to, changing))
}

type Enabling = { readonly enabled: boolean; readonly always: boolean }

async function set(text: string, to: Enabling, changing: Changing): Promise<Change> {
  const { request, principal, managed, parts } = changing
  const verb = to.enabled ? 'enable' : 'disable'
  if (!managed) {
    const error = `Unable to ${verb} tokens because token management is not configured`
    return notSet(400, error, ERROR_CODES.configuration)
  }
  const id = idOf(text)
  const token = isPossibleId(id) ? await parts.tokens.get(id) : undefined
  if (token === undefined) return unknownToSet(text)
  const forbidden = () => {
    noteForbidden(changing, `key.${verb}`, id)
    const error = `Caller (${principal.effective}) not authorized to ${verb} tokens.`
    return notSet(403, error, ERROR_CODES.unauthorized)
  }
  if (!(await mayChange(token, changing))) return forbidden()
  const isSo = (token.disabled === undefined) === to.enabled
  if (isSo && !to.always) {
    const code = to.enabled ? ERROR_CODES.alreadyEnabled : ERROR_CODES.alreadyDisabled
    return notSet(400, `Token is already ${verb}d`, code)
  }
  try {
    const changed = await parts.tokens.setEnabled(id, to.enabled, managerOf(request, principal))
    return changed ? done('setEnabledFlag', [['isEnabled', String(to.enabled)]]) : unknownToSet(text)
  } catch (error) {
    // Somebody with more rights than its holder disabled it.
    if (isForbiddenByKey(error)) throw error
    if (error instanceof DomainError && error.code === 'right.missing') return forbidden()
    throw error
  }
}

/** What the key that the caller shows does not let it do is refused as what the topology does not. */
async function unlessByKey(flag: ChangeFlag, change: () => Promise<Change>): Promise<Change> {
  try {
    return await change()
  } catch (error) {
    if (isForbiddenByKey(error)) return refused(flag, 403, error.message, ERROR_CODES.unauthorized)
    throw error
  }
}

/** UUIDs are the same in any case; ids that other languages gave are not. */
function idOf(text: string): KeyId {
  return (UUID.test(text) ? text.toLowerCase() : text) as KeyId
}

function notSet(status: number, error: string, code: number): Change {
  return refused('setEnabledFlag', status, error, code)
}

function unknownToSet(id: string): Change {
  return notSet(400, `Unknown token: ${tokenDisplayId(id)}`, ERROR_CODES.unknownToken)
}

/** Most tokens that one request may change. */
export const BATCH_MAX = 1_000

/**
 * Changes several tokens, one after the other; what fails does not keep the others from being changed.
 *
 * Answers as the last that failed, or as the last; undefined for no tokens at all.
 */
export async function changeEach(
  ids: readonly string[],
  change: (id: string) => Promise<Change>,
): Promise<Change | undefined> {
  let last: Change | undefined
  let failed: Change | undefined
  for (const id of ids) {
    last = await change(id)
    if (last.status !== 200) failed = last
  }
  return failed ?? last
}

/** The ids in a JSON array; undefined: it is none, or too long. */
export function idsIn(text: string): readonly string[] | undefined {
  try {
    const ids: unknown = JSON.parse(text)
    if (!Array.isArray(ids) || ids.length > BATCH_MAX) return undefined
    return ids.every((id) => typeof id === 'string') ? ids : undefined
  } catch {
    return undefined
  }
}

function noteForbidden(
  { request, principal, parts }: Changing,
  action: 'key.update' | 'key.delete' | 'key.enable' | 'key.disable',
  id: string,
): void {
  // The text of a token says more than its id, and is no business of the audit.
  const subject = isPossibleId(id) && !looksLikeJwt(id) ? `key:${id}` : 'key:'
  parts.tokens.noteForbidden(managerOf(request, principal), { action, subject })
}

async function mayChange(token: ApiKey, { principal, settings, parts }: Changing): Promise<boolean> {
  if (isRenewer(principal, settings)) return true
  return isOwn(token, principal) && (await ownsOf(principal, parts))(token)
}
