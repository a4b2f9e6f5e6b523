import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { CONTROLLERS } from './actions.ts'
import { openTestApi, type TestAnswer, type TestApi, type TestSocket } from './testing/test-api.ts'

/** Runs of each property; together with the others of this API some 10,000 cases. */
const RUNS = { routes: 4_000, bodies: 1_000, frames: 3_000, garbage: 1_000 } as const

const TIMEOUT_MS = 120_000

/** Errors that Kuzzle gives a status of 500 although the client made the mistake. */
const KUZZLES_OWN_500 = [
  'security.user.no_profile',
  'security.credentials.database_inconsistency',
  'security.cookie.unsupported',
  'security.token.verification_error',
  'plugin.strategy.missing_optional_method',
]

/** These would end the test's own session or store, or only cost time: hashing is tested where it is done. */
const LEFT_OUT = [
  'admin:resetSecurity',
  'auth:login',
  'auth:logout',
  'auth:refreshToken',
  'auth:updateMyCredentials',
  'auth:deleteMyCredentials',
]

const ACTIONS = Object.entries(CONTROLLERS)
  .flatMap(([controller, actions]) =>
    Object.entries(actions).map(([action, { routes }]) => ({ controller, action, routes })),
  )
  .filter(({ controller, action }) => !LEFT_OUT.includes(`${controller}:${action}`))

const ROUTES = ACTIONS.flatMap(({ routes }) => routes)

const TEXTS = [
  '',
  'null',
  'somebody',
  'local',
  '-1',
  '0',
  '1.5',
  '1e999',
  'true',
  'a,b',
  '[1]',
  '{"a":1}',
  '__proto__',
  'constructor',
  '_search',
  '../..',
  '%s%s',
  '\u0000',
  '\ud800',
  'é-日本',
  "'; DROP TABLE keys; --",
  'x'.repeat(3_000),
]

const ARGUMENTS =
  '_id userId strategy expiresIn refresh from size lang scroll scrollId services ids kuid reset force strict onAssignedUsers onExistingUsers singleUse cookieAuth startTime stopTime format scope collection index targets retryOnConflict'.split(
    ' ',
  )

const MEMBERS =
  'description token content credentials local username password profileIds controllers policies roleId restrictedTo rateLimit tags ids query term match terms range bool must sort aggs from size search_after properties type roles profiles users kuid'.split(
    ' ',
  )

const text = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...TEXTS) }, fc.string({ unit: 'binary' }))

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.constantFrom(null, true, false, 0, -1, 1.5, 1e300, -1e-7, 42),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom(...MEMBERS), fc.constantFrom('__proto__', 'toString', '')),
      tie('json'),
      {
        maxKeys: 4,
      },
    ),
  ),
}))

const body = fc.oneof(fc.dictionary(fc.constantFrom(...MEMBERS), json, { maxKeys: 4 }), json)

function wellFormed(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}

describe('malformed input', () => {
  let test: TestApi
  let admin: string
  const cleanUp: (() => unknown)[] = []

  before(async () => {
    test = await openTestApi(
      { after: (release) => cleanUp.unshift(release as () => unknown) },
      { maxRequestSize: 100_000 },
    )
    // A key: the actions that end sessions must not end the test.
    const session = await test.login('root')
    const key = await test.ask('POST', '/api-keys/_create', { token: session, body: { description: 'fuzz' } })
    admin = key.body.result._source.token
    await test.login('somebody')
  })
  after(async () => {
    const me = await test.ask('GET', '/_me', { token: admin })
    for (const release of cleanUp) await release()
    assert.equal(me.body.result?._id, 'root', 'the caller kept its rights, so that all of this was tried')
  })

  function checkAnswer(answer: TestAnswer['body'], what: unknown): void {
    // Anonymous requests are limited by the second.
    test.authority.clock.passMs(1_000)
    const status = answer.status ?? 200
    const isMistake = status < 500 || status === 503 || KUZZLES_OWN_500.includes(answer.error?.id)
    assert.ok(isMistake, `${JSON.stringify(answer).slice(0, 500)} to ${JSON.stringify(what).slice(0, 500)}`)
    assert.deepEqual(test.logged, [])
  }

  it('in path, query string and body of any route is never answered with a failure of ours', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const query = fc.dictionary(fc.constantFrom(...ARGUMENTS), text, { maxKeys: 3 })
    const values = fc.array(
      text.filter((value) => value !== ''),
      { minLength: 3, maxLength: 3 },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROUTES),
        values,
        query,
        body,
        async (route, parameters, args, sent) => {
          let next = 0
          const path = route.path.replaceAll(/:\w+/g, () => wellFormed(parameters[next++] ?? 'x'))
          const search = Object.entries(args).map(([name, value]) => `${name}=${wellFormed(value)}`)
          const url = `${path}?${search.join('&')}`
          const how = { token: admin, ...(route.verb === 'GET' ? {} : { body: sent }) }
          const answer = await test.ask(route.verb, url, how)
          checkAnswer(answer.body, [route, url, sent])
        },
      ),
      { numRuns: RUNS.routes },
    )
  })

  it('as the bytes of a body is refused or read', { timeout: TIMEOUT_MS }, async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((valid) => Buffer.from(valid)),
      fc.tuple(fc.json(), fc.nat(50)).map(([valid, cut]) => Buffer.from(valid.slice(0, -cut - 1))),
    )
    const type = fc.constantFrom(
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=b',
      'multipart/form-data',
      'text/plain',
      'application/json; charset=utf-16',
    )
    const encoding = fc.constantFrom('identity', 'identity', 'gzip', 'deflate', 'br', 'gzip,deflate')
    await fc.assert(
      fc.asyncProperty(bytes, type, encoding, async (raw, contentType, contentEncoding) => {
        const headers = { 'content-type': contentType, 'content-encoding': contentEncoding }
        const { status, body: answer } = await test.ask('POST', '/_checkToken', { raw, headers })
        assert.ok(status === 200 || status === 400, `${status} ${JSON.stringify(answer)}`)
        checkAnswer(answer, raw)
      }),
      { numRuns: RUNS.bodies },
    )
  })

  it('in the arguments of any action over WebSocket is answered in the room of its request', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const socket = await test.socket()
    const args = fc.dictionary(fc.constantFrom(...ARGUMENTS), json, { maxKeys: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ACTIONS),
        args,
        body,
        async ({ controller, action }, given, sent) => {
          const frame = { ...given, controller, action, body: sent, jwt: admin }
          checkAnswer(await socket.ask(frame), frame)
        },
      ),
      { numRuns: RUNS.frames },
    )
  })

  it('of any kind in a frame never ends the socket, nor leaves a request without an answer', {
    timeout: TIMEOUT_MS,
  }, async () => {
    let socket: TestSocket = await test.socket()
    const member = fc.constantFrom('controller', 'action', 'jwt', 'volatile', 'body', 'targets', 'index')
    const frame = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }).map((garbage) => ({ garbage })),
      fc.json().map((garbage) => ({ garbage })),
      fc.dictionary(member, json, { maxKeys: 4 }).map((request) => ({ request })),
    )
    await fc.assert(
      fc.asyncProperty(frame, async (sent) => {
        if ('request' in sent) checkAnswer(await socket.ask(sent.request), sent)
        else if (sent.garbage !== '{"p":1}') {
          socket.send(sent.garbage)
          checkAnswer(await socket.next(), sent)
        }
      }),
      { numRuns: RUNS.garbage },
    )
    await socket.close()
    socket = await test.socket()
    assert.equal((await socket.ask({ controller: 'auth', action: 'getCurrentUser' })).status, 200)
  })

  it('as username and password costs a refusal and no failure', { timeout: TIMEOUT_MS }, async () => {
    const given = fc.oneof(text, fc.constantFrom(null, 7, true, [], {}, ['root'], { toString: 'x' }))
    await fc.assert(
      fc.asyncProperty(given, given, async (username, password) => {
        const { body: answer } = await test.ask('POST', '/_login/local', { body: { username, password } })
        assert.equal(answer.status, 401)
        assert.equal(answer.error.id, 'plugin.strategy.missing_user')
      }),
      { numRuns: 60 },
    )
  })

  it('that is too large closes the socket or is refused, and the server lives on', async () => {
    const large = 'x'.repeat(100_001)
    const refused = await test.ask('POST', '/_checkToken', { body: { token: large } })
    assert.equal(refused.status, 413)
    const socket = await test.socket()
    socket.send(`"${'x'.repeat(1_048_577)}"`)
    await socket.ended
    assert.equal((await test.ask('GET', '/_me')).status, 200)
  })
})
