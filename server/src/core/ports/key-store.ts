import type { Search, SearchPage } from '../../query/search.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { ApiKey, FoundKey, Revocation, RevokedKey } from '../keys/api-key.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'
import type { RateLimit } from '../keys/policy.ts'
import type { KeyState } from '../keys/verdict.ts'
import type { Instant } from '../record.ts'

/** Where API keys are kept. */
export interface KeyStore {
  /**
   * Stores a new key; with a policy that has credits, its budget too. The owner must exist, unless it is the anonymous
   * user or the key is of Knox's family.
   *
   * `perOwnerMax`: refuse when the owner already holds that many; exact under concurrency. Keys of Knox's family neither
   * count nor are refused.
   *
   * @throws {DomainError} `key.id_taken`, `user.not_found`, `key.owner_full`.
   */
  insert(key: ApiKey, perOwnerMax: number | undefined, event: AuditEvent): Promise<void>

  /**
   * Stores a new key of Knox's family, whose owner need not exist. With `room`, and no less of such keys that have not
   * expired at `event.at` and for which `isIssuedToUser` says the same, it is refused, or it replaces the one of them that
   * was created first, which is answered; exact under concurrency.
   *
   * @throws {DomainError} `key.id_taken`, `key.owner_full`.
   */
  insertKnox(key: ApiKey, room: OwnerRoom | undefined, event: AuditEvent): Promise<ApiKey | undefined>

  /**
   * What a fingerprint leads to: a key by its newest or an earlier secret, or one that was revoked. The hot path of
   * every verification: answers at once, without a promise, whenever nothing has to be waited for.
   *
   * Sees every change that this storage acknowledged before the call; of those of other processes on the same file all, of
   * those of other nodes on PostgreSQL those that were acknowledged `cluster.staleAfterMs` ago or earlier, unless
   * `cluster.whenUnreachable` wants it otherwise. Times are the caller's to judge.
   *
   * The answer is frozen, and the identical object until the key or its owner's limits change, so that callers may hang
   * on it what they derive from it. It is bounded memory that makes it so: a key that was not asked for lately may come
   * back as an equal object. `lastUsedAt` is up to date only for keys whose policy has an idle timeout; uses of the others
   * are no change.
   *
   * @throws {DomainError} `storage.unavailable`, at once or by the promise.
   */
  lookUp(fingerprint: Fingerprint): FoundKey | undefined | Promise<FoundKey | undefined>

  /** Fingerprints of keys and of earlier secrets that begin with those hex digits (at least one), at most `max`. */
  fingerprintsFrom(digits: string, max: number): Promise<readonly Fingerprint[]>

  findById(id: KeyId): Promise<ApiKey | undefined>

  /** The key of that id that was revoked last. */
  findRevoked(id: KeyId): Promise<RevokedKey | undefined>

  /**
   * Replaces a key by what `change` makes of it, in one transaction; undefined when there is none. `change` is pure,
   * may run more than once, and may throw to leave all as it is. Id, owner, fingerprint, `previous`, `goodFrom` and
   * `lastUsedAt` stay what they are. A key without a budget that is given a credit plan starts with its `initial`; another
   * plan leaves of a budget, after the refill that is due at `event.at`, what `replanned` says; none ends it. Some stores
   * show a key of an owner with many behind all others once its description changed.
   */
  update(id: KeyId, change: (key: ApiKey) => ApiKey, event: AuditEvent): Promise<ApiKey | undefined>

  /**
   * Gives a key another secret at `event.at`, as `replaceSecret` says; secrets that end then or before are known no
   * longer. History and budget stay. Undefined, and nothing changed, when there is no such key or its newest secret is not
   * `replaces` (any more).
   *
   * @throws {DomainError} `key.rotating` as `replaceSecret`.
   */
  rotate(id: KeyId, to: NewSecret, event: AuditEvent): Promise<ApiKey | undefined>

  /**
   * Ends a key and remembers it as revoked. With an owner: only a key of that owner's. Answers what it was; undefined
   * when there is none or it is someone else's.
   */
  revoke(
    id: KeyId,
    by: { readonly owner?: UserId; readonly revocation: Revocation },
    event: AuditEvent,
  ): Promise<ApiKey | undefined>

  /**
   * Makes the key of that id that was revoked last, not before `revokedSince`, as it was before, with budget, counts and
   * earlier secrets; undefined when there is none. Listings and searches show it behind all others.
   *
   * @throws {DomainError} `key.id_taken`, `user.not_found`, `key.owner_full`.
   */
  restore(
    id: KeyId,
    bounds: { readonly revokedSince: Instant; readonly perOwnerMax?: number },
    event: AuditEvent,
  ): Promise<ApiKey | undefined>

  /**
   * Spends credits of a key, after refilling what is due at `now`: all of the cost or nothing. Durable when it resolves,
   * and exact under concurrency over all processes. A key without a budget answers undefined.
   */
  spend(id: KeyId, cost: number, now: Instant): Promise<Spending | undefined>

  /** What is left of a budget at `now`; undefined when the key has none. */
  credits(id: KeyId, now: Instant): Promise<Spending | undefined>

  /**
   * Adds to or sets what is left after the refill that is due at `event.at`, never below 0 nor above
   * `Number.MAX_SAFE_INTEGER`. Undefined when the key has no budget.
   */
  setCredits(
    id: KeyId,
    change: { readonly operation: 'set' | 'increment' | 'decrement'; readonly amount: number },
    event: AuditEvent,
  ): Promise<Spending | undefined>

  /**
   * Adds uses to what is counted, and moves `lastUsedAt` on, never back. Keys that are gone are left out, and what was used
   * before the key of that id was created was another key. Written in batches, each wholly or not at all; when it rejects,
   * those before the one that failed count.
   */
  noteUses(uses: readonly KeyUses[]): Promise<void>

  /** Uses of a key, or of the one of that id that was revoked last, by day (UTC), latest first, at most `days`. */
  usage(id: KeyId, days: number): Promise<readonly DayOfUse[]>

  countByOwner(owner: UserId): Promise<number>

  /** The owner's keys that match; unknown owners have none. Revoked ones are not found. @throws {QueryError} */
  search(owner: UserId, search: Search): Promise<SearchPage<ApiKey>>

  /**
   * Keys in the order of their creation or restoration (revoked ones: of their revocation), a page at a time.
   *
   * @throws {DomainError} `id.invalid` with `facts.kind` `cursor` for an `after` that no such listing gave.
   */
  list(filter: KeyFilter, page: { readonly after?: string; readonly limit: number }): Promise<KeyListPage>

  /**
   * Limits that all keys of an owner share; an empty list ends them.
   *
   * @throws {DomainError} `user.not_found` when it is neither a user nor the owner of a key of Knox's family.
   */
  setOwnerLimits(owner: UserId, limits: readonly RateLimit[], event: AuditEvent): Promise<void>
  ownerLimits(owner: UserId): Promise<readonly RateLimit[]>

  /**
   * Forgets earlier secrets that ended, keys revoked before `revokedBefore`, and use before `usedBefore`; a batch. Also
   * keys of Knox's family that expired before `knoxExpiredBefore`, as if they had never been; absent: none.
   */
  purge(bounds: {
    readonly now: Instant
    readonly revokedBefore: Instant
    readonly usedBefore: Instant
    readonly knoxExpiredBefore?: Instant
  }): Promise<void>
}

/** How many keys of Knox's family an owner may have, as a user or as a mere name. */
export type OwnerRoom = {
  /** Below 1: none. */
  readonly max: number
  /** Absent: refuse. */
  readonly replaceOldest?: {
    readonly revocation: Revocation
    /** What is stored about the key that has to go. */
    readonly eventOf: (oldest: ApiKey) => AuditEvent
  }
}

/** What a rotation puts in place. */
export type NewSecret = {
  /** Of the newest secret that whoever rotates knows of, so that of two rotations at once only one succeeds. */
  readonly replaces: Fingerprint
  readonly fingerprint: Fingerprint
  readonly hint?: string
  /** Absent: at once. */
  readonly goodFrom?: Instant
  /** When the secret that it replaces ends, and all earlier ones at the latest; absent: all of them at once. */
  readonly previousGoodUntil?: Instant
  /** The newest secret is planned and will never be good: the one before it is the one that is replaced. */
  readonly cancelsPlan?: true
}

/** How a spending went; when it was refused, nothing was spent. */
export type Spending = {
  readonly spent: boolean
  readonly remaining: number
  /** When the budget is filled up next; absent: never. */
  readonly refillAt?: Instant
}

/** Uses of one key since they were written last. */
export type KeyUses = {
  readonly id: KeyId
  /** The first of them. They count for no key that was created later. */
  readonly since: Instant
  /** Absent: only refused uses, which leave `lastUsedAt` of the key as it is, lest they revive one that idled out. */
  readonly lastUsedAt?: Instant
  /** By day (UTC), as its number since the epoch. */
  readonly days: ReadonlyMap<number, { readonly accepted: number; readonly refused: number }>
}

/** Uses of a key on one day. */
export type DayOfUse = { readonly day: number; readonly accepted: number; readonly refused: number }

/** Which keys to list; all that is given must hold. */
export type KeyFilter = {
  readonly owner?: UserId
  /** Absent: every state but `revoked`. A disabled key that expired is `disabled`; idle timeouts expire keys, too. */
  readonly state?: KeyState
  /** Decides what is expired. */
  readonly now: Instant
  /** Keys that expire, but not before `now`, and before this instant. */
  readonly expiringBefore?: Instant
  /** Keys that were last used before this instant, or never and were created before it. */
  readonly unusedSince?: Instant
  /** Members of the metadata at the top level that must be equal. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>>
  /** Keys of Knox's family that this user made for others. */
  readonly createdForOthersBy?: UserId
  /** Keys of this owner, and those of `createdForOthersBy`. */
  readonly ownerOrCreator?: UserId
  /** Any text of a member of the metadata at the top level must be among these; `*`: the member at all. */
  readonly anyMetadata?: Readonly<Record<string, readonly string[]>>
}

/** Some of the keys of a listing. */
export type KeyListPage = {
  readonly keys: readonly (ApiKey | RevokedKey)[]
  /** To be given as `after`; absent: there are no more. Opaque. */
  readonly next?: string
}
