import type { ApiKey } from '../../core/keys/api-key.ts'

/** Who was found to ask, before identity assertion. */
export type Authenticated = {
  /** The name that was shown and proved: the primary principal. */
  readonly name: string
  readonly groups: readonly string[]
  /** The key that was shown, when one was. */
  readonly key?: ApiKey
}

/** Who asks, for services. */
export type Principal = Authenticated & {
  /** For whom it is done: after impersonation and principal mapping. */
  readonly effective: string
  /** Whether `doAs` made somebody else of the caller. */
  readonly impersonated: boolean
}
