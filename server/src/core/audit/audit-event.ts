import type { KeyId, UserId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { Instant } from '../record.ts'

/** What happened, named `thing.verb`. */
export type AuditAction =
  | 'key.create'
  | 'key.list'
  | 'key.delete'
  | 'key.update'
  | 'key.disable'
  | 'key.enable'
  | 'key.restore'
  | 'key.rotate'
  | 'key.credits'
  | 'key.leak'
  | 'key.import'
  | 'key.rehash'
  | 'owner.limits'
  | 'token.refused'
  | 'session.login'
  | 'session.login_failed'
  | 'session.logout'
  | 'session.create'
  | 'session.refresh'
  | 'session.revoke_all'
  | 'user.create'
  | 'user.update'
  | 'user.replace'
  | 'user.delete'
  | 'credentials.create'
  | 'credentials.update'
  | 'credentials.delete'
  | 'profile.create'
  | 'profile.update'
  | 'profile.replace'
  | 'profile.delete'
  | 'role.create'
  | 'role.update'
  | 'role.replace'
  | 'role.delete'
  | 'rights.restrict'
  | 'rights.reset'
  | 'rights.load'
  | 'admin.recover'
  | 'mapping.update'
  | 'signing_keys.change'
  | 'topology.change'

/** Where a request came from. */
export type Origin = {
  /** Address of the peer as the transport saw it; absent when there is none (command line). */
  readonly address?: string
  /**
   * `http`, `websocket`, `mqtt`, `cli`; `verification` for a key that a service asks about, with the address of whoever
   * showed the key to it; `server` for what the server does by itself.
   */
  readonly carrier: string
  readonly requestId: string
  /** Somebody on this very host asks: as far as can be seen no proxy stands between, and no website is behind it. */
  readonly local: boolean
}

/** One thing that happened: who, what, on what, from where, when, in which request. Holds no secret. */
export type AuditEvent = {
  readonly at: Instant
  readonly action: AuditAction
  readonly outcome: 'done' | 'refused'
  readonly actor: UserId
  /** The key that the actor used, when it used one. */
  readonly actorKey?: KeyId
  /** What it happened to, such as `key:k1` or `user:bob`. */
  readonly subject: string
  /** Why it was refused: `expired`, `unknown`, `wrong_password` ... */
  readonly reason?: string
  readonly origin: Origin
  /** Facts worth keeping, such as rights before and after. */
  readonly details?: JsonObject
}
