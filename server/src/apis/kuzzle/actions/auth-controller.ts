import type { Controller } from '../action.ts'
import { ownKeyActions } from './auth-api-keys.ts'
import { ownRightActions } from './auth-rights.ts'
import { sessionActions } from './auth-sessions.ts'
import { ownUserActions } from './auth-user.ts'

/** Kuzzle's `auth` controller: what callers do for themselves. */
export const authController: Controller = {
  ...sessionActions,
  ...ownUserActions,
  ...ownRightActions,
  ...ownKeyActions,
}
