import type { Role } from '../access/role.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { Instant, RecordInfo } from '../record.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { KeyPolicy, RateLimit } from './policy.ts'

/** An API key as it is stored: everything but its secret, which exists only in the reply that issued it. */
export type ApiKey = {
  readonly id: KeyId
  readonly owner: UserId
  readonly description: string
  /** Of its newest secret. */
  readonly fingerprint: Fingerprint
  /** Length of life that was asked for, in ms; absent: never expires. */
  readonly ttlMs?: number
  /** First instant at which the key is no longer good; absent: never expires. */
  readonly expiresAt?: Instant
  readonly record: RecordInfo
  /** How its tokens look; absent: as Kuzzle's. Rotation keeps it. */
  readonly family?: 'native' | 'knox'
  /** Name of the keyspace that gave a native token its prefix; absent: the default one. */
  readonly keyspace?: string
  /** What a key of the family `knox` is besides; its id is part of its tokens. */
  readonly knox?: KnoxFacts
  /** How its token begins, for people who look for it in a list; native tokens only. */
  readonly hint?: string
  /** Since when, and why, it is not to be used for the time being; absent: it is enabled. */
  readonly disabled?: Disabled
  readonly policy?: KeyPolicy
  /** Facts of the client's own; at most `METADATA_BYTES_MAX`. */
  readonly metadata?: JsonObject
  /** The newest secret is good only from then on: a scheduled rotation. */
  readonly goodFrom?: Instant
  /** Earlier secrets that are still good, newest first; at most `PREVIOUS_SECRETS_MAX`. */
  readonly previous?: readonly PreviousSecret[]
  /** As late as uses are written down: `USAGE_FLUSH_MS`, unless somebody set it; absent: never used. */
  readonly lastUsedAt?: Instant
}

/** What Knox's token service knows of a token and no other API asks for. */
export type KnoxFacts = {
  readonly type: KnoxType
  /** Its expiry can be moved no further than this; absent: without end. */
  readonly maxLifetimeAt?: Instant
  /** Of a client id; absent: as it is by default. */
  readonly thirdPartyApp?: boolean
  /** How far the name of its owner is believed to be that of a user here; absent: `ordinary`. */
  readonly ownerTrust?: NameTrust
}

/**
 * Which users of this server may be meant by a name that somebody else vouches for, such as a directory: `none`, `all`, or
 * the `ordinary` ones, who may manage nothing.
 */
export const NAME_TRUSTS = ['none', 'ordinary', 'all'] as const
export type NameTrust = (typeof NAME_TRUSTS)[number]

/** What Knox issues tokens as. Who has one of any type acts as its owner. */
export const KNOX_TYPES = ['API_KEY', 'CLIENT_ID', 'JWT'] as const
export type KnoxType = (typeof KNOX_TYPES)[number]

/** Somebody disabled a key. */
export type Disabled = { readonly at: Instant; readonly by: UserId; readonly reason?: string }

/** A secret that a rotation replaced. */
export type PreviousSecret = {
  readonly fingerprint: Fingerprint
  /** First instant at which it is no longer good. */
  readonly goodUntil: Instant
}

/** Earlier secrets that one key may have at once; more rotations have to wait until one has ended. */
export const PREVIOUS_SECRETS_MAX = 3

/** Unless somebody sets it, uses are written to the store within so many ms, and a crash loses no more; but see `UsageCounter`. */
export const USAGE_FLUSH_MS = 5_000

/** Why a key was revoked: names of RFC 5280 section 5.3.1. */
export const REVOCATION_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const
export type RevocationReason = (typeof REVOCATION_REASONS)[number]

/** The end of a key before its time. */
export type Revocation = {
  readonly at: Instant
  readonly by: UserId
  readonly reason: RevocationReason
  readonly comment?: string
}

/** A key that was revoked: kept for a while, so that administrators can tell it from one that never was. */
export type RevokedKey = { readonly key: ApiKey; readonly revocation: Revocation }

/** What the fingerprint of a token leads to. Never changed: the next look-up after a change answers another object. */
export type FoundKey = {
  readonly key: ApiKey
  /** This very secret is good from then on; absent: since it was issued. */
  readonly goodFrom?: Instant
  /** First instant at which this very secret is no longer good; absent: as long as the key. */
  readonly goodUntil?: Instant
  readonly revocation?: Revocation
  /** Limits that all keys of the owner share. */
  readonly ownerLimits?: readonly RateLimit[]
  /** See `notesOf`. No part of what was found: not enumerable, so that it is neither compared nor copied. */
  readonly notes?: KeyNotes
}

/** All limits that bind a key: its own, and those that it shares with the other keys of its owner. */
export function limitsOf({ key, ownerLimits = [] }: FoundKey): readonly RateLimit[] {
  return [...(key.policy?.limits ?? []), ...ownerLimits]
}

/**
 * What was worked out about a found key, kept with the key itself.
 *
 * A verification of one key among a million spends most of its time waiting for memory: here it waits once for what would
 * be in as many maps.
 */
export type KeyNotes = {
  /** Where `UsageCounter` counted its uses last. */
  usesAt: number
  /** What APIs answer about it as long as it is good; each has a text of its own. */
  verifyText: string | undefined
  authorizeText: string | undefined
  /** What the texts say that its scopes come to. */
  textsOf: readonly string[] | undefined
  /** See `grantedScopesOf`. */
  granted: { readonly roles: readonly Role[]; readonly scopes: readonly string[] } | undefined
}

/** Whether the key's life is over at `now`. */
export function isExpired(key: { readonly expiresAt?: Instant }, now: Instant): boolean {
  return key.expiresAt !== undefined && key.expiresAt <= now
}
