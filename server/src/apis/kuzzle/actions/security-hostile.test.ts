import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { openSecurityClient } from '../testing/security-client.ts'
import { adminController } from './admin-controller.ts'
import { securityController } from './security-controller.ts'

const { api, act, ask } = await openSecurityClient()

/** What would end the administrator's own rights, and with them the test. */
const SUICIDAL = ['admin:resetSecurity', 'security:restrictDefaultRights']

const ACTIONS = [
  ...Object.keys(securityController).map((action) => `security:${action}`),
  ...Object.keys(adminController).map((action) => `admin:${action}`),
].filter((action) => !SUICIDAL.includes(action))

/** Kuzzle's own answers of status 500 to a mistake of the client. */
const KNOWN_500 = ['security.user.no_profile', 'security.credentials.database_inconsistency']

/** Reserved words, prototypes, broken Unicode, and things of every type; never the administrator. */
const hostile = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    '-1',
    'anonymous',
    '\ud800',
    '\u0000',
    '%',
    "'; --",
    '_search',
    'x'.repeat(600),
  ),
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e308, [], {}, [[]], { __proto__: null }),
  fc.string(),
  fc.jsonValue({ maxDepth: 3 }),
)

const NAMES = [
  ...['_id', 'userId', 'strategy', 'collection', 'scrollId', 'scroll', 'from', 'size', 'lang', 'ids', 'kuid'],
  ...[
    'expiresIn',
    'refresh',
    'force',
    'strict',
    'reset',
    'onAssignedUsers',
    'onExistingUsers',
    'retryOnConflict',
  ],
]

const MEMBERS = [
  ...[
    'content',
    'credentials',
    'default',
    'policies',
    'controllers',
    'roles',
    'profiles',
    'users',
    'ids',
    'tags',
  ],
  ...[
    'query',
    'sort',
    '_source',
    'description',
    'username',
    'password',
    'properties',
    'rateLimit',
    'profileIds',
  ],
]

const some = (names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), hostile, { maxKeys: 6 }).map((members) => ({ ...members }))

/** Arguments and bodies with which most actions would do something, if they were left as they are. */
const PLAUSIBLE_ARGS = {
  _id: 'victim',
  userId: 'victim',
  strategy: 'local',
  collection: 'users',
  scrollId: 'none',
}
const PLAUSIBLE_BODY = {
  content: { profileIds: ['default'] },
  policies: [{ roleId: 'default' }],
  controllers: { auth: { actions: { login: true } } },
  description: 'd',
  ids: ['victim'],
  profileIds: ['default'],
}

const frames = fc.record({
  action: fc.constantFrom(...ACTIONS),
  args: some(NAMES).map((args) => ({ ...PLAUSIBLE_ARGS, ...args })),
  body: fc.oneof(
    { weight: 4, arbitrary: some(MEMBERS).map((body) => ({ ...PLAUSIBLE_BODY, ...body })) },
    { weight: 4, arbitrary: some(MEMBERS) },
    { weight: 1, arbitrary: hostile },
  ),
})

function checkAnswer(action: string, answer: { status: number; error: { id?: string } | null }): void {
  assert.ok(Number.isInteger(answer.status), action)
  if (answer.status < 500 || KNOWN_500.includes(answer.error?.id ?? '')) return
  assert.fail(`${action}: ${JSON.stringify(answer)} ${api.logged.join('\n')}`)
}

describe('the security and admin controllers', () => {
  it('answer every hostile frame, and never with an unexpected failure', async () => {
    await fc.assert(
      fc.asyncProperty(frames, async ({ action, args, body }) => {
        checkAnswer(action, await act(action, { ...args, body }))
      }),
      { numRuns: 1_500 },
    )
  })

  it('answer each action without any argument', async () => {
    for (const action of ACTIONS) checkAnswer(action, await act(action, {}))
  })

  it('answer every hostile path and query string', async () => {
    const routes = [...Object.values(securityController), ...Object.values(adminController)]
      .flatMap((action) => action.routes)
      .filter(({ path }) => !/resetSecurity|restrictDefaultRights/.test(path))
    const calls = fc.record({
      route: fc.constantFrom(...routes),
      parameter: fc.oneof(
        fc.constantFrom('%00', '%ED%A0%80', '%', '..', '%2F', 'x'.repeat(600), '__proto__', "'"),
        fc.string({ minLength: 1 }).map(encodeURIComponent),
      ),
      query: fc.constantFrom(
        '',
        '?size=x',
        '?from=-1',
        '?scroll=1y',
        '?_id=null',
        '?ids=[',
        '?kuid=&force&force',
      ),
      body: hostile,
    })
    await fc.assert(
      fc.asyncProperty(calls, async ({ route, parameter, query, body }) => {
        const path = route.path.replaceAll(/:\w+/g, () => parameter)
        const hasBody = route.verb === 'POST' || route.verb === 'PUT'
        const answer = await ask(route.verb, `${path}${query}`, hasBody ? body : undefined)
        checkAnswer(`${route.verb} ${path}`, {
          status: answer.status,
          error: answer.body.error ?? answer.body,
        })
      }),
      { numRuns: 500 },
    )
  })
})
