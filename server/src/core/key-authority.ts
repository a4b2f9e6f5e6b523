import type { Mapping } from '../query/mapping.ts'
import type { Search, SearchPage } from '../query/search.ts'
import type { Caller, GoodToken } from './access/caller.ts'
import type { Policy, Profile } from './access/profile.ts'
import type { Right, RightEntry } from './access/rights.ts'
import type { ControllerRights, Role } from './access/role.ts'
import type { Session } from './access/session.ts'
import type { User } from './access/user.ts'
import type { Origin } from './audit/audit-event.ts'
import type { DomainError } from './errors.ts'
import type { KeyId, ProfileId, RoleId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { ApiKey } from './keys/api-key.ts'
import type { Fingerprint } from './keys/fingerprint.ts'
import type { Secret } from './keys/secret.ts'
import type { Verdict } from './keys/verdict.ts'

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
   * Answers whether a token is good: one SHA-256 and one indexed look-up, no write (but a single-use session is
   * consumed). A refusal is an audit event with its true reason.
   */
  verify(token: string, origin: Origin): Promise<Verdict>
  /** The caller behind a good token, or the anonymous one. @throws {DomainError} `user.not_found` */
  identify(token: GoodToken | undefined, origin: Origin): Promise<Caller>
  /**
   * Whether any of the caller's profiles grants the right. While no administrator exists, an anonymous caller on this
   * very host may also call `security:createFirstAdmin`.
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
  /** Calls `listener` with each token that ends before its time: key deleted, logged out, revoked, user gone. */
  onEnded(listener: (fingerprint: Fingerprint) => void): void
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
   * @throws {DomainError} `user.not_found`, `id.invalid`, `key.id_taken`, `key.ttl_invalid`, `key.owner_full`;
   *   `key.issuing_forbidden`, `key.outlives_issuer` when the caller shows a key and keys may not issue.
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
  /** Searchable fields of a collection, added ones included. */
  mapping(collection: Collection): Promise<Mapping>
  /** Adds searchable fields. @throws {DomainError} `mapping.invalid` when a type changes or is not supported. */
  extendMapping(caller: Caller, collection: Exclude<Collection, 'api-keys'>, added: Mapping): Promise<Mapping>
}
