import type { Controller } from '../action.ts'
import { apiKeyActions } from './security-api-keys.ts'
import { credentialActions } from './security-credentials.ts'
import { mappingActions } from './security-mappings.ts'
import { profileActions } from './security-profiles.ts'
import { rightActions } from './security-rights.ts'
import { roleActions } from './security-roles.ts'
import { searchActions } from './security-searches.ts'
import { userCreationActions } from './security-user-creation.ts'
import { userActions } from './security-users.ts'

/** Kuzzle's `security` controller: users, credentials, roles, profiles, rights and API keys of others. */
export const securityController: Controller = {
  ...apiKeyActions,
  ...userCreationActions,
  ...userActions,
  ...credentialActions,
  ...roleActions,
  ...profileActions,
  ...rightActions,
  ...searchActions,
  ...mappingActions,
}
