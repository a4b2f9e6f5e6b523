import { DomainError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { INSTANT_MAX, type Instant } from '../record.ts'
import { isAddressRange } from './address-list.ts'
import {
  ADDRESSES_MAX,
  type KeyPolicy,
  LIMITS_MAX,
  METADATA_BYTES_MAX,
  type RateLimit,
  SCOPES_MAX,
} from './policy.ts'
import { isScope } from './scopes.ts'
import { isTimeZone, MINUTES_PER_DAY, WEEKDAYS } from './time-window.ts'
import { COST_MAX } from './verdict.ts'

/** Longest window of a rate limit, idle timeout and interval between refills: ten years, in ms. */
export const POLICY_SPAN_MS_MAX = 3_650 * 86_400_000
/** Fastest rate that a limit may have, in uses per ms; no key needs more, and beyond it counting is too coarse. */
export const USES_PER_MS_MAX = 100
/** Shortest time between refills, in ms. */
export const REFILL_EVERY_MS_MIN = 1_000
/** Most credits that there may be. */
export const CREDITS_MAX = 1_000_000_000_000_000
/** Deepest nesting of metadata. */
export const METADATA_DEPTH_MAX = 32

/**
 * Passes when a policy is one that `judge` understands as its author meant it: a member that is not known is refused,
 * because a misspelt restriction would restrict nothing.
 *
 * @throws {DomainError} `policy.invalid`, facts `member` (such as `limits[2].windowMs`) and `problem` (a sentence).
 */
export function checkPolicy(policy: KeyPolicy, now: Instant): void {
  membersOf('policy', policy, {
    scopes: checkScopes,
    addresses: checkAddresses,
    window: (member, value) => checkWindow(member, value, now),
    confirmation: checkConfirmation,
    idleTimeoutMs: (member, value) => checkWhole(member, value, 1, POLICY_SPAN_MS_MAX),
    limits: checkLimitList,
    credits: checkCredits,
  })
}

/**
 * Passes when these are limits that an owner's keys can share.
 *
 * @throws {DomainError} as `checkPolicy`
 */
export function checkLimits(limits: readonly RateLimit[]): void {
  checkLimitList('limits', limits)
}

/**
 * Passes when metadata is a JSON object of at most `METADATA_BYTES_MAX` bytes and `METADATA_DEPTH_MAX` levels.
 *
 * @throws {DomainError} `metadata.invalid`, facts `problem` (a sentence).
 */
export function checkMetadata(metadata: unknown): void {
  const problem = metadataProblem(metadata)
  if (problem === undefined) return
  throw new DomainError('metadata.invalid', `Cannot use this metadata: ${problem}`, { problem })
}

type Check = (member: string, value: unknown) => void
type Members = Readonly<Record<string, unknown>>

function checkScopes(member: string, value: unknown): void {
  listOf(member, value, SCOPES_MAX).forEach((scope, index) => {
    if (typeof scope === 'string' && isScope(scope)) return
    throw invalid(`${member}[${index}]`, 'is not a pattern like "invoices:read", "invoices:*" or "*"')
  })
}

function checkAddresses(member: string, value: unknown): void {
  const list = nonEmptyListOf(member, value, ADDRESSES_MAX)
  list.forEach((range, index) => {
    if (typeof range === 'string' && isAddressRange(range)) return
    throw invalid(
      `${member}[${index}]`,
      'is not an address or network like "192.0.2.0/24" or "2001:db8::/32"',
    )
  })
}

/** Years before and after which an instant is most likely in a wrong unit, such as seconds. */
const NOT_BEFORE_MIN: Instant = Date.UTC(2000, 0)
const NOT_BEFORE_AHEAD_MS_MAX = 100 * 366 * 86_400_000

function checkWindow(member: string, value: unknown, now: Instant): void {
  const notBeforeMax = Math.min(INSTANT_MAX, now + NOT_BEFORE_AHEAD_MS_MAX)
  const { days, from, to, timeZone, notBefore } = membersOf(member, value, {
    notBefore: (name, instant) => checkWhole(name, instant, NOT_BEFORE_MIN, notBeforeMax),
    days: checkDays,
    from: (name, minutes) => checkWhole(name, minutes, 0, MINUTES_PER_DAY - 1),
    to: (name, minutes) => checkWhole(name, minutes, 0, MINUTES_PER_DAY),
    timeZone: (name, zone) => {
      if (typeof zone !== 'string' || !isTimeZone(zone))
        throw invalid(name, 'is not the IANA name of a time zone')
    },
  })
  const isLocal = days !== undefined || from !== undefined || to !== undefined
  if (!isLocal && timeZone !== undefined) throw invalid(member, 'has a time zone, but neither days nor times')
  if (!isLocal && notBefore === undefined) throw invalid(member, 'is empty, and so restricts nothing')
  if ((from ?? 0) === (to ?? MINUTES_PER_DAY))
    throw invalid(member, 'ends when it begins, and so is never open')
}

function checkDays(member: string, value: unknown): void {
  const list = nonEmptyListOf(member, value, WEEKDAYS.length)
  list.forEach((day, index) => {
    if (!WEEKDAYS.some((weekday) => weekday === day)) {
      throw invalid(`${member}[${index}]`, 'is not one of mon, tue, wed, thu, fri, sat, sun')
    }
    if (list.indexOf(day) !== index) throw invalid(`${member}[${index}]`, 'is there twice')
  })
}

/** A SHA-256 in base64url; the last character has but four bits. */
const THUMBPRINT = /^[\w-]{42}[AEIMQUYcgkosw048]$/

function checkConfirmation(member: string, value: unknown): void {
  const { x5tS256, jkt } = membersOf(member, value, { x5tS256: checkThumbprint, jkt: checkThumbprint })
  if (x5tS256 === undefined && jkt === undefined)
    throw invalid(member, 'is empty, and so binds the key to nothing')
}

function checkThumbprint(member: string, value: unknown): void {
  if (typeof value === 'string' && THUMBPRINT.test(value)) return
  throw invalid(member, 'is not a SHA-256 in base64url, which has 43 characters')
}

const LIMIT_NAME = /^[A-Za-z0-9_.-]{1,64}$/

function checkLimitList(member: string, value: unknown): void {
  const names = new Set<unknown>()
  listOf(member, value, LIMITS_MAX).forEach((limit, index) => {
    const at = `${member}[${index}]`
    const name = checkLimit(at, limit)
    if (names.has(name)) throw invalid(`${at}.name`, 'is the name of another limit')
    names.add(name)
  })
}

function checkLimit(member: string, value: unknown): unknown {
  const members = membersOf(member, value, {
    name: (name, text) => {
      if (typeof text === 'string' && LIMIT_NAME.test(text)) return
      throw invalid(name, 'is not 1 to 64 of A-Z a-z 0-9 _ . -')
    },
    limit: (name, count) => checkWhole(name, count, 1, COST_MAX),
    windowMs: (name, span) => checkWhole(name, span, 1, POLICY_SPAN_MS_MAX),
    automatic: (name, automatic) => {
      if (typeof automatic !== 'boolean') throw invalid(name, 'is not true or false')
    },
  })
  checkPresent(members, member, ['name', 'limit', 'windowMs'])
  const limit = Number(members['limit'])
  const windowMs = Number(members['windowMs'])
  if (limit > windowMs * USES_PER_MS_MAX) {
    throw invalid(member, `admits more than ${USES_PER_MS_MAX} uses per millisecond`)
  }
  if (!Number.isSafeInteger(limit * windowMs)) throw invalid(member, 'is too large for so long a window')
  return members['name']
}

function checkCredits(member: string, value: unknown): void {
  const members = membersOf(member, value, {
    initial: (name, count) => checkWhole(name, count, 0, CREDITS_MAX),
    refill: checkRefill,
  })
  checkPresent(members, member, ['initial'])
}

function checkRefill(member: string, value: unknown): void {
  const interval = isJsonObject(value) ? value['interval'] : undefined
  const members = membersOf(member, value, {
    amount: (name, count) => checkWhole(name, count, 1, CREDITS_MAX),
    interval: (name, text) => {
      if (text === 'daily' || text === 'monthly' || text === 'every') return
      throw invalid(name, 'is not daily, monthly or every')
    },
    ...(interval === 'monthly' && { day: (name, day) => checkWhole(name, day, 1, 31) }),
    ...(interval === 'every' && {
      everyMs: (name, span) => checkWhole(name, span, REFILL_EVERY_MS_MIN, POLICY_SPAN_MS_MAX),
    }),
  })
  const extra = interval === 'monthly' ? ['day'] : interval === 'every' ? ['everyMs'] : []
  checkPresent(members, member, ['amount', 'interval', ...extra])
}

/** Checks every member that is there; one that is undefined is not. */
function membersOf(member: string, value: unknown, checks: Readonly<Record<string, Check>>): Members {
  if (!isJsonObject(value)) throw invalid(member, 'is not an object')
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue
    const path = member === 'policy' ? name : `${member}.${name}`
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw invalid(path, 'is not known')
    check(path, item)
  }
  return value
}

function checkPresent(members: Members, member: string, names: readonly string[]): void {
  for (const name of names) {
    if (members[name] === undefined) throw invalid(`${member}.${name}`, 'is missing')
  }
}

function listOf(member: string, value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(member, 'is not a list')
  if (value.length > max) throw invalid(member, `has more than ${max} entries`)
  return value
}

function nonEmptyListOf(member: string, value: unknown, max: number): readonly unknown[] {
  const list = listOf(member, value, max)
  if (list.length === 0) throw invalid(member, 'is empty, so that the key could never be used: leave it out')
  return list
}

function checkWhole(member: string, value: unknown, min: number, max: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return
  throw invalid(member, `is not a whole number from ${min} to ${max}`)
}

function invalid(member: string, problem: string): DomainError {
  return new DomainError('policy.invalid', `Cannot use this policy: "${member}" ${problem}`, {
    member,
    problem,
  })
}

function metadataProblem(metadata: unknown): string | undefined {
  if (!isJsonObject(metadata)) return 'it is not an object'
  const bytes = jsonBytes(metadata)
  if (bytes === undefined) return UNSPEAKABLE
  if (bytes > METADATA_BYTES_MAX) {
    return `it has ${bytes} bytes as JSON, and ${METADATA_BYTES_MAX} is the limit`
  }
  if (depthOf(metadata, METADATA_DEPTH_MAX + 1) > METADATA_DEPTH_MAX) {
    return `it is nested more than ${METADATA_DEPTH_MAX} levels deep`
  }
  return isJson(metadata) ? undefined : UNSPEAKABLE
}

const UNSPEAKABLE = 'it holds something that JSON cannot say'

function jsonBytes(metadata: JsonObject): number | undefined {
  try {
    return Buffer.byteLength(JSON.stringify(metadata))
  } catch {
    return undefined
  }
}

/** Levels of objects and lists, counted no further than `max`. */
function depthOf(value: unknown, max: number): number {
  if (typeof value !== 'object' || value === null || max === 0) return 0
  let deepest = 0
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item, max - 1))
  return deepest + 1
}

function isJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isJson)
  if (isJsonObject(value)) {
    const prototype = Object.getPrototypeOf(value)
    return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson)
  }
  return typeof value === 'number'
    ? Number.isFinite(value)
    : value === null || typeof value === 'string' || typeof value === 'boolean'
}
