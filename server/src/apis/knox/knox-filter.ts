import type { HttpReply } from '../../transports/http/http-message.ts'
import type { KnoxRequest } from './knox-request.ts'
import type { Authenticated, Principal } from './principal.ts'

/** Finds out who asks, or refuses with `KnoxRefusal`. Undefined: this provider found no credentials of its kind. */
export type Authenticator = (request: KnoxRequest) => Promise<Authenticated | undefined>

/** Says for whom it is done. @throws {KnoxRefusal} `doAs` is not allowed. */
export type IdentityAssertion = (request: KnoxRequest, caller: Authenticated) => Promise<Principal>

/** Passes, or throws `KnoxRefusal` with status 403. `role`: of the service, such as `APIKEY`. */
export type Authorization = (request: KnoxRequest, principal: Principal, role: string) => void

/** Before anything else: limits, CSRF, preflights, and headers for every answer. */
export type WebAppSecurity = {
  /** An answer ends the request here; a promise holds it back. @throws {KnoxRefusal} */
  before(request: KnoxRequest): HttpReply | undefined | Promise<undefined>
  /** Headers that every answer to this request gets. */
  headers(request: KnoxRequest): Readonly<Record<string, string>>
}

/** One service of a deployed topology. */
export type KnoxService = {
  readonly role: string
  /** Whether a path of the topology belongs to it. */
  matches(path: string): boolean
  answer(request: KnoxRequest, principal: Principal): Promise<HttpReply>
  /** Whether a path of it only tells who asks, by headers alone: GET on it needs no body, connection or certificate. */
  tellsWhoAsks?(path: string): boolean
  /** Whether it passes bodies on as they come, so that no filter may read them. */
  readonly streams?: boolean
  /** Paths that need no authentication, such as the key set. */
  isOpen?(path: string): boolean
}
