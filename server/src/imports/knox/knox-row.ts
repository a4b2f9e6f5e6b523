import { checkId } from '../../core/check-id.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { LegacyToken } from '../../core/key-authority.ts'
import { KNOX_TYPES, type KnoxType } from '../../core/keys/api-key.ts'
import { checkMetadata } from '../../core/keys/check-policy.ts'
import { isKnoxToken, printKnoxToken } from '../../core/keys/knox-token.ts'
import type { Instant } from '../../core/record.ts'

/** A row of Knox's table of tokens with its rows of metadata, as the database gives them. */
export type KnoxRow = {
  readonly id: string
  /** Whole numbers in decimal; null: not set. */
  readonly issueTime: string | null
  readonly expiration: string | null
  readonly maxLifetime: string | null
  readonly metadata: ReadonlyMap<string, string>
}

/**
 * Why a row is left out.
 *
 * - `cookie`: a session of Knox's single sign-on, which nobody keeps
 * - `expired`
 * - `incomplete`: without owner, secret or time; Knox would not accept it either, unless it was being written
 * - `unusable`: nothing that Knox issues
 */
export type LeftOut = 'cookie' | 'expired' | 'incomplete' | 'unusable'

/** How rows are read. */
export type ReadingRules = { readonly now: Instant; readonly includeExpired: boolean }

/** The token of a row. */
export function readKnoxRow(row: KnoxRow, { now, includeExpired }: ReadingRules): LegacyToken | LeftOut {
  const { id, metadata } = row
  const type = metadata.get('type') ?? 'JWT'
  if (type === 'KNOXSSO_COOKIE') return 'cookie'
  const owner = metadata.get('userName')
  const mac = metadata.get('passcode')
  const issuedAt = wholeNumber(row.issueTime)
  if (!owner || !mac || row.issueTime === null) return 'incomplete'
  const known = KNOX_TYPES.find((one) => one === type)
  if (known === undefined || issuedAt === undefined || !isTokenId(id)) return 'unusable'
  if (!isTime(row.expiration) || !isTime(row.maxLifetime)) return 'unusable'
  const expiresAt = endOf(row.expiration)
  if (expiresAt !== undefined && expiresAt <= now && !includeExpired) return 'expired'
  const maxLifetimeAt = endOf(row.maxLifetime)
  const token: LegacyToken = {
    id: id as KeyId,
    owner: owner as UserId,
    ...factsOf(metadata, known),
    issuedAt,
    mac,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(maxLifetimeAt !== undefined && { maxLifetimeAt }),
  }
  return isAcceptable(token) ? token : 'unusable'
}

/** Names of metadata that Knox gives a meaning; all others are the users' own. */
const OWN_NAMES = new Set([
  'userName',
  'comment',
  'enabled',
  'passcode',
  'createdBy',
  'type',
  'lastUsedAt',
  'thirdPartyApp',
])

type Facts = Pick<LegacyToken, 'type' | 'comment' | 'isEnabled' | 'createdBy' | 'thirdPartyApp' | 'metadata'>

function factsOf(metadata: KnoxRow['metadata'], type: KnoxType): Facts {
  const createdBy = metadata.get('createdBy')
  const thirdPartyApp = metadata.get('thirdPartyApp')
  const own = [...metadata].filter(([name]) => !OWN_NAMES.has(name))
  return {
    type,
    comment: metadata.get('comment') ?? '',
    // As Knox reads it: what is not `true` is false; a token without the row is enabled.
    isEnabled: (metadata.get('enabled') ?? 'true').toLowerCase() === 'true',
    ...(createdBy && { createdBy: createdBy as UserId }),
    ...(thirdPartyApp !== undefined && { thirdPartyApp: thirdPartyApp.toLowerCase() === 'true' }),
    ...(own.length > 0 && { metadata: Object.fromEntries(own) }),
  }
}

/** Zero and less are for ever, and so is what no clock will ever show. */
function endOf(text: string | null): Instant | undefined {
  const end = wholeNumber(text)
  return end !== undefined && end > 0 ? end : undefined
}

/** What is no number says nothing of the end, and must not become "for ever". */
function isTime(text: string | null): boolean {
  return text === null || WHOLE.test(text)
}

const WHOLE = /^-?\d+$/

function wholeNumber(text: string | null): number | undefined {
  const number = Number(text)
  return text !== null && WHOLE.test(text) && Number.isSafeInteger(number) ? number : undefined
}

/** Whether tokens of that id are ones that are known by their looks. */
function isTokenId(id: string): boolean {
  return isKnoxToken(printKnoxToken({ id, passcode: '00000000-0000-4000-8000-000000000000' }))
}

function isAcceptable({ owner, createdBy = owner, metadata = {} }: LegacyToken): boolean {
  try {
    checkId('user', owner)
    checkId('user', createdBy)
    checkMetadata(metadata)
    return true
  } catch (error) {
    if (error instanceof DomainError) return false
    throw error
  }
}
