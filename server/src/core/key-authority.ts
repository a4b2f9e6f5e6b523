import type { Mapping } from '../query/mapping.ts'
import type { Search, SearchPage } from '../query/search.ts'
import type { Actor, Caller, GoodToken } from './access/caller.ts'
import type { Policy, Profile } from './access/profile.ts'
import type { Right, RightEntry } from './access/rights.ts'
import type { ControllerRights, Role } from './access/role.ts'
import type { Session } from './access/session.ts'
import type { User } from './access/user.ts'
import type { Origin } from './audit/audit-event.ts'
import type { DomainError } from './errors.ts'
import type { KeyId, ProfileId, RoleId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { ApiKey, KnoxType, NameTrust, RevocationReason } from './keys/api-key.ts'
import type { WatchedTokens } from './keys/ended-tokens.ts'
import type { Fingerprint } from './keys/fingerprint.ts'
import type { KeyPolicy, RateLimit } from './keys/policy.ts'
import type { LeakFinding, LeakReport } from './keys/report-leaks.ts'
import type { Secret } from './keys/secret.ts'
import type {
  AskingRequest,
  CheckStep,
  KeyCheck,
  KeyQuestion,
  KeyVerdict,
  KeyView,
  Verdict,
} from './keys/verdict.ts'
import type { DayOfUse, KeyFilter, Spending } from './ports/key-store.ts'
import type { ImportOutcome } from './ports/legacy-key-store.ts'
import type { Instant } from './record.ts'

/**
 * START HERE: everything a key authority can be asked to do.
 *
 * APIs translate their clients' words into these calls and the answers back; they decide nothing themselves.
 * Every call that changes something takes the caller, leaves an audit event, and is durable when it resolves.
 * Refusals are `DomainError`s; `QueryError` where a search is involved.
 */
export interface KeyAuthority {
  readonly tokens: TokenUseCases
  readonly keys: KeyUseCases
  readonly verification: VerificationUseCases
  readonly lifeCycle: LifeCycleUseCases
  readonly managedTokens: ManagedTokenUseCases
  readonly sessions: SessionUseCases
  readonly users: UserUseCases
  readonly credentials: CredentialUseCases
  readonly roles: RoleUseCases
  readonly profiles: ProfileUseCases
  readonly administration: AdministrationUseCases
}

/** Who is asking, and may they? */
export interface TokenUseCases {
  /**
   * Answers whether a token is good for a use of its owner's rights here, and counts that use: one SHA-256 and one
   * indexed look-up, no write (but a single-use session is consumed, and a credit is spent). A refusal is an audit
   * event with its true reason. Keys bound to addresses are judged by `origin.address`.
   */
  verify(token: string, origin: Origin): Promise<Verdict>
  /**
   * As `verify`, but only looks: it counts and spends nothing, neither limits nor a single-use session, so that limits
   * and an empty budget are no reasons to refuse. A refusal is an audit event all the same.
   */
  inspect(token: string, origin: Origin): Promise<Verdict>
  /** The caller behind a good token, or the anonymous one. @throws {DomainError} `user.not_found` */
  identify(token: GoodToken | undefined, origin: Origin): Promise<Caller>
  /**
   * Whether any of the caller's profiles grants the right, and the scopes of the key it shows, if any, keep it. While
   * no administrator exists, an anonymous caller on this very host may also call `security:createFirstAdmin`.
   */
  isAllowed(caller: Caller, right: Right): Promise<boolean>
  /** As `isAllowed`, for the rights that a user would have with a token of its own. */
  mayUser(user: User, right: Right): Promise<boolean>
  /**
   * Counts one request of the user against the most permissive rate limit of its profiles.
   *
   * @throws {DomainError} `request.too_many`
   */
  countRequest(user: User): Promise<void>
  /**
   * Calls `listener` with each token that ends before its time: key revoked or disabled, logged out, user gone. Of what
   * other processes on the store end, only with tokens that are `watched`.
   */
  onEnded(listener: (fingerprint: Fingerprint) => void, watched?: WatchedTokens): void
  /**
   * Calls `listener` with each token of a key that from now on ends at another time than it did: a rotation replaces
   * it, or the expiry of its key was moved. Absent: it never ends by itself.
   */
  onLifeChanged(listener: (fingerprint: Fingerprint, expiresAt: Instant | undefined) => void): void
  /**
   * Looks watched tokens up anew, and those whose look-up failed before, and tells the listeners of those that ended. For
   * who begins to watch a token: it may have ended since it was found good. Never rejects.
   */
  recheck(fingerprints: Iterable<Fingerprint>): Promise<void>
}

/** A key or session together with its secret, which nothing else ever holds. */
export type Issued<T> = { readonly token: Secret; readonly issued: T }

/** What a new key shall be. */
export type KeyRequest = {
  readonly owner: UserId
  readonly description: string
  /** Absent: a random UUID. */
  readonly id?: KeyId
  /** Absent: never expires. Else a whole number of ms, at least 1. */
  readonly ttlMs?: number
  /** A token of Latchkey's own form, with the prefix of a keyspace; absent: as Kuzzle's. */
  readonly native?: { readonly keyspace?: string }
  readonly policy?: KeyPolicy
  readonly metadata?: JsonObject
  /** The key is stored but cannot be used yet. */
  readonly disabled?: boolean
}

/** Issuing, finding and revoking API keys. */
export interface KeyUseCases {
  /**
   * Issues a key for the caller itself; `security.apiKey.maxTTL` applies.
   *
   * @throws {DomainError} `key.ttl_exceeded`, and as `issueFor`.
   */
  issueForSelf(caller: Caller, request: Omit<KeyRequest, 'owner'>): Promise<Issued<ApiKey>>
  /**
   * Issues a key for any user, or the anonymous one. A refusal leaves an audit event too.
   *
   * Scopes wider than the owner's rights are accepted: rights are looked at when the key is used.
   *
   * @throws {DomainError} `user.not_found`, `id.invalid`, `key.id_taken`, `key.ttl_invalid`, `key.owner_full`,
   *   `keyspace.unknown`, `policy.invalid`, `metadata.invalid`; `key.issuing_forbidden`, `key.outlives_issuer` when the
   *   caller shows a key that may not issue.
   */
  issueFor(caller: Caller, request: KeyRequest): Promise<Issued<ApiKey>>
  /** The owner's keys that match. Unknown owners have none. */
  find(owner: UserId, search: Search): Promise<SearchPage<ApiKey>>
  /**
   * Deletes a key at once: the very next verification refuses it.
   *
   * @throws {DomainError} `key.not_found`; the same for keys of other owners, so that ids cannot be probed.
   */
  revoke(caller: Caller, owner: UserId, id: KeyId): Promise<void>
}

/** Whether keys are good, asked by the services that they are shown to. */
export interface VerificationUseCases {
  /**
   * Judges a key and counts its use, all at once: a refused use costs nothing. Sessions are `unknown` here. Answers
   * without a promise when nothing has to be waited for; only keys with a budget cost a write. A refusal is an audit
   * event, which names `request`. Texts that no key looks like cost the work of any other text.
   *
   * @throws {DomainError} `policy.invalid` for a cost that is none.
   */
  check(token: string, check: KeyCheck, request?: AskingRequest): KeyVerdict | Promise<KeyVerdict>
  /**
   * As `check` of each question, in their order, and faster. What one of them would throw, its promise rejects with.
   *
   * @throws {DomainError} `policy.invalid` for a cost that is none; then nothing is counted.
   */
  checkAll(
    questions: readonly KeyQuestion[],
    request?: AskingRequest,
  ): readonly (KeyVerdict | Promise<KeyVerdict>)[]
  /** What the scopes of a key come to with the rights of its owner; undefined when it has none. See `grantedScopesOf`. */
  grantedScopes(key: ApiKey): Promise<readonly string[] | undefined>
  /** The rest of every fingerprint that begins with those hex digits, `RANGE_DIGITS` of them; see `fingerprintRange`. */
  fingerprintRange(digits: string): Promise<readonly string[]>
  /** What `check` would answer and why, step by step; counts and spends nothing. */
  explain(
    token: string,
    check: KeyCheck,
  ): Promise<{
    readonly verdict: KeyVerdict
    readonly steps: readonly CheckStep[]
  }>
}

/** What shall change of a key: absent stays, null clears. */
export type KeyChange = {
  readonly description?: string
  readonly metadata?: JsonObject | null
  readonly expiresAt?: Instant | null
} & { readonly [Member in keyof KeyPolicy]?: Exclude<KeyPolicy[Member], undefined> | null }

/** Several keys at once: those of a filter, or those of one owner that a search finds. */
export type KeySelection =
  | { readonly filter: Omit<KeyFilter, 'now'> }
  | { readonly owner: UserId; readonly search: Search }

/**
 * The life of keys, for callers who manage their own or everybody's; who may what is in `access/key-rights.ts`.
 *
 * Every call may throw `key.not_found`, also for a key that the caller may not see, so that ids cannot be probed, and
 * `right.missing` (`facts.right`) when it may see the key but not do this. What changes a key throws `key.revoked`
 * (`facts.revokedAt`) when it was, except `revoke` and `restore`.
 */
export interface LifeCycleUseCases {
  /**
   * As `issueFor`, or `issueForSelf` when the caller is the owner and may not issue for others.
   *
   * @throws {DomainError} as those, and `keyspace.unknown`, `policy.invalid`, `metadata.invalid`.
   */
  create(caller: Caller, request: KeyRequest): Promise<Issued<KeyView>>
  get(caller: Caller, id: KeyId): Promise<KeyView>
  /** The caller's own keys, or with the right to read everybody's those of the filter. */
  list(
    caller: Caller,
    filter: Omit<KeyFilter, 'now'>,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<{ readonly keys: readonly KeyView[]; readonly next?: string }>
  search(caller: Caller, owner: UserId, search: Search): Promise<SearchPage<ApiKey>>
  /** @throws {DomainError} `policy.invalid`, `key.policy_forbidden` when an owner would loosen what binds its key. */
  update(caller: Caller, id: KeyId, change: KeyChange): Promise<KeyView>
  /** Twice is no error. */
  disable(caller: Caller, id: KeyId, reason: string | undefined): Promise<KeyView>
  enable(caller: Caller, id: KeyId): Promise<KeyView>
  revoke(
    caller: Caller,
    id: KeyId,
    why: { readonly reason: RevocationReason; readonly comment?: string },
  ): Promise<KeyView>
  /** Within `keys.restoreWindow`. @throws {DomainError} `key.not_revoked`, `key.id_taken`, `key.restore_too_late`. */
  restore(caller: Caller, id: KeyId): Promise<KeyView>
  /**
   * A new secret for the same key. The old one, and all before it at the most, stay good for `graceMs` after the new one is:
   * at once, or at `cutOverAt`. A planned secret that is not good yet never will be.
   *
   * @throws {DomainError} `key.rotating`, `key.rotation_invalid`.
   */
  rotate(
    caller: Caller,
    id: KeyId,
    how: { readonly graceMs: number; readonly cutOverAt?: Instant },
  ): Promise<Issued<KeyView>>
  setCredits(
    caller: Caller,
    id: KeyId,
    change: { readonly operation: 'set' | 'increment' | 'decrement'; readonly amount: number },
  ): Promise<Spending>
  usage(caller: Caller, id: KeyId, days: number): Promise<readonly DayOfUse[]>
  /**
   * Revokes or disables many keys, in batches; `dryRun` counts only. Keys that are revoked or disabled already do not
   * match. Changes no more than `BULK_MAX` keys: `complete` is false when there may be more, and it can be asked again.
   */
  bulk(
    caller: Caller,
    operation: {
      readonly kind: 'revoke' | 'disable'
      readonly reason: RevocationReason
      readonly dryRun: boolean
    },
    selection: KeySelection,
  ): Promise<BulkResult>
  /** Ends the key whose token this is, or the session; false when it was not good any more. */
  revokeToken(token: string, origin: Origin, reason: RevocationReason): Promise<boolean>
  /**
   * Does with tokens that were found where everybody can read them what `leakActions` says; see `reportLeaks`. Asks nobody
   * for a right.
   */
  reportLeaks(by: Actor, reports: readonly LeakReport[]): Promise<readonly LeakFinding[]>
  setOwnerLimits(caller: Caller, owner: UserId, limits: readonly RateLimit[]): Promise<void>
  ownerLimits(caller: Caller, owner: UserId): Promise<readonly RateLimit[]>
}

/** How many keys matched, and how many of them were changed; `complete`: there are no more. */
export type BulkResult = { readonly matched: number; readonly changed: number; readonly complete: boolean }

/** What a new token of Knox's form shall be. */
export type TokenRequest = {
  /** Whose token it is; need not be a user here. */
  readonly owner: UserId
  /** Who asks for it: the owner, or somebody who may do so in its name. */
  readonly createdBy: UserId
  /** The key with which it is asked for; undefined: whoever asks proved the name in another way. */
  readonly shown: ApiKey | undefined
  readonly type: KnoxType
  /** Absent: never expires. */
  readonly expiresAt?: Instant
  /** Until when it can be renewed; absent: for ever. */
  readonly maxLifetimeAt?: Instant
  readonly thirdPartyApp?: boolean
  /** Which users of this server the owner may be; absent: `ordinary` ones. */
  readonly ownerTrust?: NameTrust
  readonly comment: string
  readonly metadata?: JsonObject
  readonly policy?: KeyPolicy
  /**
   * Most tokens of Knox's family that the owner may have, whatever their type, disabled ones included, expired ones left
   * out; below 1: none. A user here (`ownerTrust` `all`) and a mere name that is spelt alike have a room of their own. Keys of other families do not count, nor do these count against `security.apiKey.perUserMax`.
   */
  readonly limit?: {
    readonly max: number
    /** `remove_oldest` revokes the one that was created first, and never more than one. */
    readonly exceeded: 'refuse' | 'remove_oldest'
  }
}

/** Which tokens to list; all that is given must hold. */
export type TokenFilter = {
  readonly owner?: UserId
  /** Tokens of Knox's family that this user made for others. */
  readonly createdBy?: UserId
  /** Tokens of this owner, and those of `createdBy`. */
  readonly ownerOrCreator?: UserId
  /** Tokens whose metadata has any of these values under its name; `*`: the name at all. None: no token. */
  readonly metadata?: Readonly<Record<string, readonly string[]>>
  /** What `next` of an earlier page was. */
  readonly after?: string
  /** At most, and by default, `KEYS_LISTED_MAX`. */
  readonly limit?: number
}

export type TokenPage = { readonly tokens: readonly ApiKey[]; readonly next?: string }

/** Who manages tokens, for whom another API vouches, and from where. */
export type Manager = {
  readonly by: UserId
  /** The key with which it asks, or whose JSON Web Token it shows; undefined: it proved its name in another way. */
  readonly shown: ApiKey | undefined
  readonly origin: Origin
}

/** What somebody would do with managed tokens. */
export type ManagedAct = {
  readonly action: 'key.list' | 'key.update' | 'key.delete' | 'key.enable' | 'key.disable'
  /** Such as `key:ID` or `user:NAME`. */
  readonly subject: string
}

/** What there is to say of a token. */
export type TokenVerdict = {
  readonly verdict: KeyVerdict
  /** Of the key it leads to, else as it is written in a token of Knox's form. */
  readonly id?: KeyId
  /** There is a key of that id now, whether or not this is a token of it. */
  readonly knownId: boolean
}

/** A token as Knox kept it. */
export type LegacyToken = {
  /** A UUID in lower case. */
  readonly id: KeyId
  readonly owner: UserId
  /** Absent: the owner. */
  readonly createdBy?: UserId
  readonly type: KnoxType
  readonly comment: string
  readonly isEnabled: boolean
  readonly issuedAt: Instant
  readonly expiresAt?: Instant
  readonly maxLifetimeAt?: Instant
  readonly thirdPartyApp?: boolean
  readonly metadata?: JsonObject
  /** What Knox stored of its secret. */
  readonly mac: string
}

/** How to import. */
export type ImportRequest = {
  /** Knox's alias `knox.token.hash.key`. It is kept in the store and never shown again. */
  readonly hashKey: Secret
  /** Name of the MAC in Java, such as `HmacSHA256`. */
  readonly algorithm: string
  /** Only counts. */
  readonly dryRun: boolean
  /** Which users of this server the owners may be; absent: `ordinary` ones. */
  readonly ownerTrust?: NameTrust
}

/** How many tokens of an import had which outcome. */
export type ImportCounts = Readonly<Record<ImportOutcome, number>>

/**
 * Tokens as Knox's token service manages them. Who may do what is decided by the topology through which it is asked for;
 * whoever shows a key may besides do no more than that key may in every other language, and errors that are about it have
 * `facts.issuer`, its id. Tokens of the other families are managed as well, but for renewal, which knows no limit for them.
 */
export interface ManagedTokenUseCases {
  /**
   * Issues a token of Knox's form; the limit is exact, however many are issued at once.
   *
   * @throws {DomainError} `key.owner_full`, `id.invalid`, `key.ttl_invalid`, `policy.invalid`, `metadata.invalid`;
   *   `key.issuing_forbidden`, `key.outlives_issuer`.
   */
  issue(request: TokenRequest, origin: Origin): Promise<Issued<ApiKey>>
  /**
   * Passes when the key that is shown may be exchanged for such a token that is signed and kept nowhere, as for a session.
   *
   * @throws {DomainError} `key.issuing_forbidden`, `key.outlives_issuer`.
   */
  checkIssue(request: TokenRequest, origin: Origin): void
  /** As `VerificationUseCases.check`, and what the id in the token tells. */
  verify(token: string, check: KeyCheck): Promise<TokenVerdict>
  /** As `verify`, for somebody who proved in another way to hold the token, such as by a signature over its id. */
  verifyHolder(id: KeyId, check: KeyCheck): Promise<KeyVerdict>
  get(id: KeyId): Promise<ApiKey | undefined>
  /** Whether somebody of that name, who is believed so far, is this server's user of that name should there be one. */
  isNamesake(name: UserId, trust: NameTrust): Promise<boolean>
  /**
   * In the order in which they came, expired ones included.
   *
   * @throws {DomainError} `id.invalid` with `facts.kind` `cursor` for an `after` that no such listing gave;
   *   `right.missing`.
   */
  list(filter: TokenFilter, manager: Manager): Promise<TokenPage>
  /**
   * One that is so already stays as it is; undefined when there is none.
   *
   * @throws {DomainError} `right.missing`, also when its owner or creator enables what somebody else disabled;
   *   `key.policy_forbidden`.
   */
  setEnabled(id: KeyId, enabled: boolean, manager: Manager): Promise<ApiKey | undefined>
  /** Answers what it was; undefined when there is none. @throws {DomainError} `right.missing` */
  revoke(id: KeyId, manager: Manager): Promise<ApiKey | undefined>
  /**
   * Lets a token expire at another time; undefined when there is none of Knox's family.
   *
   * @throws {DomainError} `key.ttl_invalid` when it expired, never expires, or would be over; `key.ttl_exceeded` beyond
   *   `maxLifetimeAt`; `key.policy_forbidden`, `key.issuing_forbidden`, `key.outlives_issuer`.
   */
  renew(id: KeyId, expiresAt: Instant, manager: Manager): Promise<ApiKey | undefined>
  /** Leaves a trace of what an API did not let somebody do. Costs no write of its own, however often it happens. */
  noteForbidden(manager: Manager, act: ManagedAct): void
  /** Takes over tokens that Knox issued, all or none of them; safe to repeat. Those that ended here never come back. */
  importTokens(tokens: readonly LegacyToken[], request: ImportRequest, origin: Origin): Promise<ImportCounts>
}

/** What a client presents to log in. */
export type LoginRequest = {
  readonly strategy: string
  readonly username: string | undefined
  readonly password: string | undefined
  /** Absent: `security.authToken.expiresIn`. -1: never expires. */
  readonly ttlMs?: number
}

/** Logging in and out, and short-lived tokens. */
export interface SessionUseCases {
  /** Names of the ways to log in. */
  strategies(): readonly string[]
  /**
   * @throws {DomainError} `credentials.unknown_strategy`, `login.too_many` (`facts.retryAfterMs`), `login.failed`
   *   (`facts.missing` true when username or password is absent), `session.ttl_exceeded`, `session.ttl_invalid`,
   *   `server.overloaded` when too many passwords wait to be hashed.
   */
  login(request: LoginRequest, origin: Origin): Promise<Issued<Session>>
  /**
   * The user behind a password, without a session: for callers who show it with every request. Counts nothing:
   * `countAttempt` comes first, unless these very credentials were right before.
   *
   * @throws {DomainError} `login.failed`, `server.overloaded`.
   */
  findUserByPassword(
    shown: { readonly username: string; readonly password: string },
    origin: Origin,
  ): Promise<User>
  /** Counts an attempt to log in where somebody else checks the password. @throws {DomainError} `login.too_many` */
  countAttempt(username: string, origin: Origin): void
  /**
   * @throws {DomainError} `session.ttl_infinite`, `session.ttl_exceeded`, `session.ttl_invalid`; `token.invalid` when the
   *   caller's own session ended meanwhile; `key.outlives_issuer`, `key.issuing_forbidden` when the caller shows a key
   *   and keys may not issue.
   */
  createToken(
    caller: Caller,
    request: { readonly ttlMs?: number; readonly singleUse: boolean },
  ): Promise<Issued<Session>>
  /**
   * Exchanges the caller's session for a new one; the old one lives on for the grace period and cannot be
   * exchanged again.
   *
   * @throws {DomainError} `session.refresh_forbidden` (`facts.kind` is `key` or `infinite`), `token.invalid`.
   */
  refresh(caller: Caller, request: { readonly ttlMs?: number }): Promise<Issued<Session>>
  /** Ends the caller's session, or with `everywhere` all sessions of its user. Keys stay good. */
  logout(caller: Caller, everywhere: boolean): Promise<void>
  /** Ends all sessions of a user; API keys survive. @throws {DomainError} `user.not_found` */
  revokeAll(caller: Caller, owner: UserId): Promise<void>
}

/** Credentials by strategy, as a client gave them. */
export type CredentialsByStrategy = Readonly<Record<string, JsonObject>>

/** What a new user shall be. */
export type UserRequest = {
  /** Absent: generated, `kuid-<adjective>-<name>-<number>`, or `kuid-<uuid>` when `idKind` is `uuid`. */
  readonly id?: UserId
  readonly idKind: 'human' | 'uuid'
  readonly profileIds: readonly ProfileId[]
  readonly content: JsonObject
  readonly credentials: CredentialsByStrategy
}

/** One batch of deletions: what went, and why the rest did not. */
export type BatchDeletion = {
  readonly deleted: readonly string[]
  readonly errors: readonly { readonly id: string; readonly error: DomainError }[]
}

/** Users. */
export interface UserUseCases {
  /**
   * @throws {DomainError} `id.invalid`, `user.already_exists`, `user.no_profile`, `profile.not_found`,
   *   `credentials.unknown_strategy`, `credentials.invalid`, `credentials.username_taken`, `credentials.orphaned`.
   */
  create(caller: Caller, request: UserRequest): Promise<User>
  /** A user with the profiles of `security.restrictedProfileIds`. */
  createRestricted(caller: Caller, request: Omit<UserRequest, 'profileIds'>): Promise<User>
  /**
   * The first user with the profile `admin`; with `restrictRights` the permissive default rights end.
   *
   * @throws {DomainError} `admin.exists`
   */
  createFirstAdmin(
    caller: Caller,
    request: Omit<UserRequest, 'profileIds'> & { readonly restrictRights: boolean },
  ): Promise<User>
  /** `-1` and `anonymous` answer the anonymous user. @throws {DomainError} `user.not_found` */
  get(id: UserId): Promise<User>
  /** Those that exist, in the order asked. */
  getMany(ids: readonly UserId[]): Promise<readonly User[]>
  /** Merges `content` into the user's own members; `profileIds` replaces when given. */
  update(
    caller: Caller,
    id: UserId,
    change: { readonly content: JsonObject; readonly profileIds?: readonly ProfileId[] },
  ): Promise<User>
  /** Replaces content and profiles. */
  replace(
    caller: Caller,
    id: UserId,
    to: { readonly content: JsonObject; readonly profileIds: readonly ProfileId[] },
  ): Promise<User>
  /** Updates the user, or creates it from `{...defaults, ...content}`. */
  upsert(
    caller: Caller,
    id: UserId,
    change: {
      readonly content: JsonObject
      readonly profileIds: readonly ProfileId[]
      readonly defaults: JsonObject
      readonly credentials: CredentialsByStrategy
    },
  ): Promise<User>
  /** Removes the user with all credentials, keys and sessions. @throws {DomainError} `user.not_found` */
  remove(caller: Caller, id: UserId): Promise<void>
  removeMany(caller: Caller, ids: readonly UserId[]): Promise<BatchDeletion>
  search(search: Search): Promise<SearchPage<User>>
  adminExists(): Promise<boolean>
  /** Every right of the user, one entry for each controller, action and data restriction. */
  rights(user: User): Promise<readonly RightEntry[]>
}

/** Credentials of users; only the strategy `local` exists. Answers never hold a password or its hash. */
export interface CredentialUseCases {
  /** @throws {DomainError} `credentials.unknown_strategy` */
  fields(strategy: string): readonly string[]
  create(caller: Caller, strategy: string, owner: UserId, body: JsonObject): Promise<CredentialsInfo>
  update(caller: Caller, strategy: string, owner: UserId, body: JsonObject): Promise<CredentialsInfo>
  /** @throws {DomainError} `credentials.invalid`, `credentials.username_taken`. */
  validate(strategy: string, owner: UserId | undefined, body: JsonObject): Promise<void>
  remove(caller: Caller, strategy: string, owner: UserId): Promise<void>
  exist(strategy: string, owner: UserId): Promise<boolean>
  /** @throws {DomainError} `credentials.not_found` */
  get(strategy: string, owner: UserId): Promise<CredentialsInfo>
  /** By the name used at login. @throws {DomainError} `credentials.not_found` */
  getByUsername(strategy: string, username: string): Promise<CredentialsInfo>
  /** Names of the strategies with which the user can log in. */
  strategiesOf(owner: UserId): Promise<readonly string[]>
  search(strategy: string, search: Search): Promise<SearchPage<CredentialsInfo>>
}

/** What may be told of credentials. */
export type CredentialsInfo = { readonly username: string; readonly owner: UserId }

/** What a role shall be, as far as its shape is already checked. */
export type RoleRequest = {
  readonly controllers: ControllerRights
  readonly tags?: readonly string[]
  readonly content: JsonObject
}

/** Roles. `force` accepts controllers and actions that this server does not know, except native ones. */
export interface RoleUseCases {
  create(caller: Caller, id: RoleId, request: RoleRequest, force: boolean): Promise<Role>
  createOrReplace(caller: Caller, id: RoleId, request: RoleRequest, force: boolean): Promise<Role>
  /**
   * Creates or replaces a role whose controllers and actions are of the client's own making. Only those that decide what
   * may be done here must exist, as a misspelt one would silently grant nothing.
   */
  put(caller: Caller, id: RoleId, request: RoleRequest): Promise<Role>
  /** Replaces the whole content of a role that exists. @throws {DomainError} `role.not_found` */
  update(caller: Caller, id: RoleId, request: RoleRequest, force: boolean): Promise<Role>
  remove(caller: Caller, id: RoleId): Promise<void>
  removeMany(caller: Caller, ids: readonly RoleId[]): Promise<BatchDeletion>
  get(id: RoleId): Promise<Role>
  /** @throws {DomainError} `role.not_found` when one of them is missing. */
  getMany(ids: readonly RoleId[]): Promise<readonly Role[]>
  search(search: Search): Promise<SearchPage<Role>>
}

/** What a profile shall be, as far as its shape is already checked. */
export type ProfileRequest = {
  readonly policies: readonly Policy[]
  readonly rateLimit?: number
  readonly tags?: readonly string[]
  readonly content: JsonObject
}

/** Profiles. */
export interface ProfileUseCases {
  create(caller: Caller, id: ProfileId, request: ProfileRequest): Promise<Profile>
  createOrReplace(caller: Caller, id: ProfileId, request: ProfileRequest): Promise<Profile>
  /** Merges into a profile that exists. @throws {DomainError} `profile.not_found` */
  update(caller: Caller, id: ProfileId, request: Partial<ProfileRequest>): Promise<Profile>
  remove(caller: Caller, id: ProfileId, assigned: 'refuse' | 'unassign'): Promise<void>
  removeMany(caller: Caller, ids: readonly ProfileId[]): Promise<BatchDeletion>
  get(id: ProfileId): Promise<Profile>
  /** @throws {DomainError} `profile.not_found` when one of them is missing. */
  getMany(ids: readonly ProfileId[]): Promise<readonly Profile[]>
  search(search: Search): Promise<SearchPage<Profile>>
  rights(id: ProfileId): Promise<readonly RightEntry[]>
}

/** Which collection of searchable things. */
export type Collection = 'api-keys' | 'users' | 'profiles' | 'roles'

/** Roles, profiles and users to load at once. Shapes are checked by the API. */
export type Securities = {
  readonly roles: Readonly<Record<string, RoleRequest>>
  readonly profiles: Readonly<Record<string, ProfileRequest>>
  readonly users: Readonly<
    Record<
      string,
      {
        readonly content: JsonObject
        readonly profileIds: readonly ProfileId[]
        readonly credentials: CredentialsByStrategy
      }
    >
  >
}

/** Putting the whole system into a state. */
export interface AdministrationUseCases {
  /** Creates what every store must have: protected roles and profiles, the signing secret. Safe to repeat. */
  prepareStore(): Promise<void>
  /** Ends the permissive default rights: writes the roles and profiles of `security.standard`. */
  restrictDefaultRights(caller: Caller): Promise<void>
  /** @throws {DomainError} `user.overwrite_forbidden`, and everything that creating roles, profiles and users throws. */
  loadSecurities(
    caller: Caller,
    securities: Securities,
    options: { readonly force: boolean; readonly existingUsers: 'fail' | 'skip' | 'overwrite' },
  ): Promise<void>
  /** Deletes all users, profiles and roles with everything that hangs on them, and starts over. */
  resetSecurity(caller: Caller): Promise<{
    readonly deletedUsers: number
    readonly deletedProfiles: number
    readonly deletedRoles: number
  }>
  /**
   * Gives role and profile `admin` their rights back, and who logs in with that username the profile and the password;
   * creates that user when there is none. For who has the store itself: no API may offer it.
   */
  recoverAdministrator(
    caller: Caller,
    login: { readonly username: string; readonly password: string },
  ): Promise<User>
  /** Searchable fields of a collection, added ones included. */
  mapping(collection: Collection): Promise<Mapping>
  /** Adds searchable fields. @throws {DomainError} `mapping.invalid` when a type changes or is not supported. */
  extendMapping(caller: Caller, collection: Exclude<Collection, 'api-keys'>, added: Mapping): Promise<Mapping>
}
