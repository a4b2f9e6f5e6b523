import type { ApiKey, NameTrust } from '../../core/keys/api-key.ts'

/** Who was found to ask, before identity assertion. */
export type Authenticated = {
  /** The name that was shown and proved: the primary principal. */
  readonly name: string
  readonly groups: readonly string[]
  /** Which users of this server the name may mean: `all` where these very users were asked for; absent: `ordinary`. */
  readonly trust?: NameTrust
  /** Which users another name may mean that the caller is given later, as by `doAs` or a mapping; absent: `ordinary`. */
  readonly assertedTrust?: NameTrust
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

/** Who asks without being asked who. No user of this server is called so in earnest. */
export const NOBODY: Authenticated = { name: 'anonymous', groups: [], trust: 'none' }
