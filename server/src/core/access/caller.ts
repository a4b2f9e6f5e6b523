import type { Origin } from '../audit/audit-event.ts'
import type { ApiKey, PreviousSecret } from '../keys/api-key.ts'
import type { Instant } from '../record.ts'
import type { Session } from './session.ts'
import type { User } from './user.ts'

/** A token that was found good: an API key or a session. */
export type GoodToken =
  | {
      readonly kind: 'key'
      readonly key: ApiKey
      /** The secret that was shown, when a rotation already replaced it. */
      readonly shown?: PreviousSecret
    }
  | { readonly kind: 'session'; readonly session: Session }

/** When the token ends by itself: with its key, or before it when a rotation replaced it; absent: never. */
export function expiryOf(token: GoodToken): Instant | undefined {
  if (token.kind === 'session') return token.session.expiresAt
  const { key, shown } = token
  if (shown === undefined) return key.expiresAt
  return key.expiresAt === undefined ? shown.goodUntil : Math.min(shown.goodUntil, key.expiresAt)
}

/**
 * Who is noted to have done something: a caller, or somebody whom another API vouches for and who need not be a user
 * here, such as a principal of Knox.
 */
export type Actor = Omit<Caller, 'user'> & { readonly user: Pick<User, 'id'> }

/** Who asks: the user, the token it showed (absent: anonymous), and where the request came from. */
export type Caller = {
  readonly user: User
  readonly token?: GoodToken
  readonly origin: Origin
}
