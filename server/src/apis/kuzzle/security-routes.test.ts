import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminController } from './actions/admin-controller.ts'
import { securityController } from './actions/security-controller.ts'
import { publicApiOf } from './public-api.ts'

/** What the official SDK must find, and send its requests to. */
const PUBLISHED: Readonly<Record<string, string>> = {
  'security:checkRights': 'POST /_checkRights/:userId',
  'security:createApiKey': 'POST /users/:userId/api-keys/_create',
  'security:createCredentials': 'POST /credentials/:strategy/:_id/_create',
  'security:createFirstAdmin': 'POST /_createFirstAdmin',
  'security:createOrReplaceProfile': 'PUT /profiles/:_id',
  'security:createOrReplaceRole': 'PUT /roles/:_id',
  'security:createProfile': 'POST /profiles/:_id/_create',
  'security:createRestrictedUser': 'POST /users/_createRestricted',
  'security:createRole': 'POST /roles/:_id/_create',
  'security:createUser': 'POST /users/_create',
  'security:deleteApiKey': 'DELETE /users/:userId/api-keys/:_id',
  'security:deleteCredentials': 'DELETE /credentials/:strategy/:_id',
  'security:deleteProfile': 'DELETE /profiles/:_id',
  'security:deleteRole': 'DELETE /roles/:_id',
  'security:deleteUser': 'DELETE /users/:_id',
  'security:getAllCredentialFields': 'GET /credentials/_fields',
  'security:getCredentialFields': 'GET /credentials/:strategy/_fields',
  'security:getCredentials': 'GET /credentials/:strategy/:_id',
  'security:getCredentialsById': 'GET /credentials/:strategy/:_id/_byId',
  'security:getProfile': 'GET /profiles/:_id',
  'security:getProfileMapping': 'GET /profiles/_mapping',
  'security:getProfileRights': 'GET /profiles/:_id/_rights',
  'security:getRole': 'GET /roles/:_id',
  'security:getRoleMapping': 'GET /roles/_mapping',
  'security:getUser': 'GET /users/:_id',
  'security:getUserMapping': 'GET /users/_mapping',
  'security:getUserRights': 'GET /users/:_id/_rights',
  'security:getUserStrategies': 'GET /users/:_id/_strategies',
  'security:hasCredentials': 'GET /credentials/:strategy/:_id/_exists',
  'security:mDeleteProfiles': 'POST /profiles/_mDelete',
  'security:mDeleteRoles': 'POST /roles/_mDelete',
  'security:mDeleteUsers': 'POST /users/_mDelete',
  'security:mGetProfiles': 'POST /profiles/_mGet',
  'security:mGetRoles': 'POST /roles/_mGet',
  'security:mGetUsers': 'POST /users/_mGet',
  'security:refresh': 'POST /_security/:collection/_refresh',
  'security:replaceUser': 'PUT /users/:_id/_replace',
  'security:restrictDefaultRights': 'POST /_restrictDefaultRights',
  'security:revokeTokens': 'DELETE /users/:_id/tokens',
  'security:scrollProfiles': 'GET /profiles/_scroll/:scrollId',
  'security:scrollUsers': 'GET /users/_scroll/:scrollId',
  'security:searchApiKeys': 'POST /users/:userId/api-keys/_search',
  'security:searchProfiles': 'POST /profiles/_search',
  'security:searchRoles': 'POST /roles/_search',
  'security:searchUsers': 'POST /users/_search',
  'security:searchUsersByCredentials': 'POST /credentials/:strategy/users/_search',
  'security:updateCredentials': 'PUT /credentials/:strategy/:_id/_update',
  'security:updateProfile': 'PUT /profiles/:_id/_update',
  'security:updateProfileMapping': 'PUT /profiles/_mapping',
  'security:updateRole': 'PUT /roles/:_id/_update',
  'security:updateRoleMapping': 'PUT /roles/_mapping',
  'security:updateUser': 'PUT /users/:_id/_update',
  'security:updateUserMapping': 'PUT /users/_mapping',
  'security:upsertUser': 'POST /users/:_id/_upsert',
  'security:validateCredentials': 'POST /credentials/:strategy/:_id/_validate',
  'admin:loadFixtures': 'POST /admin/_loadFixtures',
  'admin:loadMappings': 'POST /admin/_loadMappings',
  'admin:loadSecurities': 'POST /admin/_loadSecurities',
  'admin:resetDatabase': 'POST /admin/_resetDatabase',
  'admin:resetSecurity': 'POST /admin/_resetSecurity',
}

/** Routes of Kuzzle that are served as well, but would only mislead the SDK in its choice. */
const ALIASES = [
  'GET /users/_mGet',
  'POST /_createFirstAdmin/:_id',
  'POST /users/:_id/_create',
  'POST /users/:_id/_createRestricted',
]

const controllers = { security: securityController, admin: adminController }

describe('routes of security and admin', () => {
  it('list one route for each action of Kuzzle: the one that its SDK uses', () => {
    const listed = Object.values(publicApiOf(controllers)).flatMap((actions) =>
      Object.values(actions).map(({ controller, action, http = [] }) => [
        `${controller}:${action}`,
        http.map(({ verb, url }) => `${verb} ${url}`).join(),
      ]),
    )
    assert.deepEqual(Object.fromEntries(listed), PUBLISHED)
  })

  it('serve the other routes of Kuzzle without listing them', () => {
    const aliases = Object.values(controllers)
      .flatMap((actions) => Object.values(actions).flatMap(({ routes }) => routes))
      .filter((route) => route.published === false)
      .map(({ verb, path }) => `${verb} ${path}`)
    assert.deepEqual(aliases.toSorted(), ALIASES)
  })
})
