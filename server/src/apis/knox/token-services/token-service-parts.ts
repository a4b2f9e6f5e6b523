import type { ManagedTokenUseCases } from '../../../core/key-authority.ts'
import type { Instant } from '../../../core/record.ts'
import type { HttpRequest } from '../../../transports/http/http-message.ts'
import type { SigningKeys } from './signing-keys.ts'

/** What the token services are made with. */
export type TokenServiceParts = {
  readonly tokens: ManagedTokenUseCases
  readonly signingKeys: SigningKeys
  /** Length of the secret with which tokens are signed by HS256, HS384 or HS512; absent: there is none. */
  readonly hmacSecretBytes?: number
  readonly now: () => Instant
  /** A random UUID. */
  readonly randomId: () => string
  /** Scheme, host and port by which the client calls this server. */
  readonly baseUrlOf: (request: HttpRequest) => string
  /** Most tokens of one user where a topology says nothing. */
  readonly perUserMax: number
  /** Users who see the tokens of everybody. */
  readonly seeingAll: readonly string[]
  /** Whether GET issues keys too, as Knox does; POST always does. */
  readonly issuesByGet: boolean
}
