import type { Instant } from '../record.ts'

/**
 * What narrows a key. Every member is optional, and none makes a key wider than its owner's rights.
 *
 * Checked by `judge` in this order: address and time window, confirmation, scopes, rate limits, credits. `checkPolicy` refuses
 * what it would not understand.
 */
export type KeyPolicy = {
  /**
   * Rights that the key keeps, as patterns `controller:action` in which `*` stands for any text, such as `invoices:*`.
   * The same patterns narrow the rights that APIs ask for themselves. Absent: all rights of the owner. At most
   * `SCOPES_MAX`.
   */
  readonly scopes?: readonly string[]
  /** Networks from which it may be used, as CIDR, IPv4 or IPv6, at most `ADDRESSES_MAX`; absent: from anywhere. */
  readonly addresses?: readonly string[]
  readonly window?: TimeWindow
  /** What its holder must prove to hold as well. */
  readonly confirmation?: Confirmation
  /** Expires when not used for so long, in ms; counted from its creation or last use. */
  readonly idleTimeoutMs?: number
  /** At most `LIMITS_MAX`, with different names. */
  readonly limits?: readonly RateLimit[]
  /** How often it may be used; how much is left is kept by the store. */
  readonly credits?: CreditPlan
}

/**
 * What a key is bound to, so that it is worth nothing to who only copied it; one of them at least, and all that is given must
 * be shown. Each is the SHA-256 in base64url, 43 characters.
 */
export type Confirmation = {
  /** Of a client certificate in DER (RFC 8705 section 3.1). */
  readonly x5tS256?: string
  /** Of the public key with which the client signs DPoP proofs (RFC 9449 section 6.1, RFC 7638). */
  readonly jkt?: string
}

/** When a key may be used. All that is given must hold. */
export type TimeWindow = {
  /** Not before this instant. */
  readonly notBefore?: Instant
  /** Days of the week; absent: all. */
  readonly days?: readonly Weekday[]
  /** Time of day, minutes since midnight, first included and last excluded; over midnight when `from` is greater. */
  readonly from?: number
  readonly to?: number
  /** IANA name of the time zone of `days`, `from` and `to`; absent: UTC. */
  readonly timeZone?: string
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

/**
 * So many uses in any `windowMs`, counted by GCRA: a burst of `limit` at once, and then one each `windowMs / limit`.
 */
export type RateLimit = {
  /** `[A-Za-z0-9_.-]`, at most 64 characters. */
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  /** Whether it counts when a verification names no limits; absent: yes. */
  readonly automatic?: boolean
}

/** A budget of uses; every use costs 1 unless the verification says otherwise. */
export type CreditPlan = {
  /** Whole number: what there is to begin with. */
  readonly initial: number
  /** Absent: never filled up again. */
  readonly refill?: Refill
}

/** Sets what is left back to `amount` at each turn of the interval (UTC); what was not used is lost. */
export type Refill = {
  readonly amount: number
} & (
  | { readonly interval: 'daily' }
  /** On this day of the month, or its last one; 1 to 31. */
  | { readonly interval: 'monthly'; readonly day: number }
  /** Counted from the creation of the key. */
  | { readonly interval: 'every'; readonly everyMs: number }
)

export const SCOPES_MAX = 1_000
export const ADDRESSES_MAX = 100
export const LIMITS_MAX = 20
/** Most bytes of the metadata of a key, as JSON. */
export const METADATA_BYTES_MAX = 16_384
