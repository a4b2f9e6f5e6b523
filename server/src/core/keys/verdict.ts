import type { GoodToken } from '../access/caller.ts'

/**
 * Why a token is not good.
 *
 * - `malformed`: no token of ours looks like this; nothing was looked up.
 * - `unknown`: never issued, or deleted, or used up.
 * - `expired`: its life is over.
 */
export type RefusalReason = 'malformed' | 'unknown' | 'expired'

/** The answer to "is this token good?". */
export type Verdict =
  | { readonly valid: true; readonly token: GoodToken }
  | { readonly valid: false; readonly reason: RefusalReason }
