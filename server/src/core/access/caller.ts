import type { Origin } from '../audit/audit-event.ts'
import type { ApiKey } from '../keys/api-key.ts'
import type { Session } from './session.ts'
import type { User } from './user.ts'

/** A token that was found good: an API key or a session. */
export type GoodToken =
  | { readonly kind: 'key'; readonly key: ApiKey }
  | { readonly kind: 'session'; readonly session: Session }

/** Who asks: the user, the token it showed (absent: anonymous), and where the request came from. */
export type Caller = {
  readonly user: User
  readonly token?: GoodToken
  readonly origin: Origin
}
