import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CONTROLLERS } from './actions.ts'
import { publicApiOf } from './public-api.ts'
import { createRouter } from './router.ts'

/** Kuzzle's routes of the controllers `auth` and `server`; `-` marks those that are not listed. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  'auth:checkRights': ['POST /_checkRights'],
  'auth:checkToken': ['POST /_checkToken'],
  'auth:createApiKey': ['POST /api-keys/_create'],
  'auth:createMyCredentials': [
    'POST /_me/credentials/:strategy/_create',
    '-POST /credentials/:strategy/_me/_create',
  ],
  'auth:createToken': ['POST /_createToken'],
  'auth:credentialsExist': [
    'GET /_me/credentials/:strategy/_exists',
    '-GET /credentials/:strategy/_me/_exists',
  ],
  'auth:deleteApiKey': ['DELETE /api-keys/:_id'],
  'auth:deleteMyCredentials': ['DELETE /_me/credentials/:strategy', '-DELETE /credentials/:strategy/_me'],
  'auth:getCurrentUser': ['GET /_me', '-GET /users/_me'],
  'auth:getMyCredentials': ['GET /_me/credentials/:strategy', '-GET /credentials/:strategy/_me'],
  'auth:getMyRights': ['GET /_me/_rights', '-GET /users/_me/_rights'],
  'auth:getStrategies': ['GET /strategies'],
  'auth:login': ['POST /_login/:strategy', '-GET /_login/:strategy'],
  'auth:logout': ['POST /_logout'],
  'auth:refreshToken': ['POST /_refreshToken'],
  'auth:searchApiKeys': ['POST /api-keys/_search', '-POST /users/api-keys/_search'],
  'auth:updateMyCredentials': [
    'PUT /_me/credentials/:strategy/_update',
    '-PUT /credentials/:strategy/_me/_update',
  ],
  'auth:updateSelf': ['PUT /_me', '-PUT /_updateSelf'],
  'auth:validateMyCredentials': [
    'POST /_me/credentials/:strategy/_validate',
    '-POST /credentials/:strategy/_me/_validate',
  ],
  'server:adminExists': ['GET /_adminExists'],
  'server:capabilities': ['GET /_capabilities'],
  'server:getAllStats': ['GET /_getAllStats'],
  'server:getConfig': ['GET /_getConfig'],
  'server:getLastStats': ['GET /_getLastStats'],
  'server:getStats': ['GET /_getStats'],
  'server:healthCheck': ['GET /_healthCheck'],
  'server:info': ['GET /', '-GET /_serverInfo'],
  'server:metrics': ['GET /_metrics'],
  'server:now': ['GET /_now'],
  'server:openapi': ['GET /_openapi'],
  'server:publicApi': ['GET /_publicApi'],
}

const ACTIONS = Object.entries(CONTROLLERS).flatMap(([controller, actions]) =>
  Object.entries(actions).map(([name, { routes }]) => ({ name: `${controller}:${name}`, routes })),
)

describe('the actions', () => {
  it('of `auth` and `server` are those of Kuzzle, under its routes', () => {
    const ours = ACTIONS.filter(({ name }) => /^(auth|server):/.test(name)).map(
      ({ name, routes }) =>
        [
          name,
          routes.map(({ published, verb, path }) => `${published === false ? '-' : ''}${verb} ${path}`),
        ] as const,
    )
    const sorted = (entries: readonly (readonly [string, readonly string[]])[]) =>
      Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
    assert.deepEqual(sorted(ours), sorted(Object.entries(ROUTES)))
  })

  it('are each reached by all of their routes', () => {
    const router = createRouter(CONTROLLERS)
    for (const { name, routes } of ACTIONS) {
      for (const { verb, path } of routes) {
        const match = router.match(verb, path.replaceAll(/:\w+/g, 'some-value'))
        assert.equal(`${match?.controller}:${match?.action}`, name, `${verb} ${path}`)
      }
    }
  })

  it('are listed with one route each, so that the SDK picks the one that is meant', () => {
    for (const [controller, actions] of Object.entries(publicApiOf(CONTROLLERS))) {
      for (const [name, action] of Object.entries(actions)) {
        assert.equal(action.http?.length, 1, `${controller}:${name}`)
        assert.equal(action.controller, controller)
        assert.equal(action.action, name)
        assert.equal(action.http?.[0]?.url, action.http?.[0]?.path)
      }
    }
  })
})
