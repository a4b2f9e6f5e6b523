import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { openTestApi, type TestApi } from './testing/test-api.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** What fetch would not send: any verb, any headers, and no decoding of the answer. */
function sendRaw(
  url: string,
  how: { method: string; headers?: Record<string, string | string[]>; body?: string | Uint8Array },
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: how.method, headers: how.headers ?? {} }, (response) => {
      const chunks: Uint8Array[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    request.on('error', reject)
    request.end(how.body)
  })
}

describe('over HTTP', () => {
  let test: TestApi
  let admin: string
  const cleanUp: (() => unknown)[] = []

  before(async () => {
    test = await openTestApi(
      { after: (release) => cleanUp.unshift(release as () => unknown) },
      { maxRequestSize: 4_096, maxFormFileSize: 1_024, additionalContentTypes: ['text/plain'] },
    )
    admin = await test.login('root')
  })
  after(async () => {
    for (const release of cleanUp) await release()
  })

  const whoAmI = (headers: Record<string, string>, path = '/_me') => test.ask('GET', path, { headers })

  describe('an answer', () => {
    it('is an envelope whose status is that of HTTP', async () => {
      const { status, body } = await test.ask('GET', '/_now', { token: admin })
      const { requestId, ...envelope } = body
      assert.equal(status, 200)
      assert.match(requestId, /^[0-9a-f-]{36}$/)
      assert.deepEqual(envelope, {
        status: 200,
        error: null,
        controller: 'server',
        action: 'now',
        result: { now: test.authority.clock.now() },
        volatile: null,
        node: 'knode-quiet-otter-1',
        headers: {},
      })
    })

    it('repeats the id and the volatile data of its request', async () => {
      const { body, headers } = await test.ask('GET', '/_now?requestId=ignored', {
        token: admin,
        headers: { 'x-kuzzle-request-id': 'mine', 'x-kuzzle-volatile': '{"a":1}' },
      })
      assert.equal(body.requestId, 'mine')
      assert.equal(headers.get('x-kuzzle-request-id'), 'mine')
      assert.deepEqual(body.volatile, { a: 1 })
    })

    it('repeats index and collection only when they were sent', async () => {
      const { body } = await test.ask('GET', '/_now?index=i&collection=c', { token: admin })
      assert.deepEqual([body.index, body.collection], ['i', 'c'])
    })

    it('keeps the connection, tells what it accepts, and must not be stored', async () => {
      const { headers } = await sendRaw(`${test.url}/_now`, { method: 'GET' })
      assert.notEqual(headers['connection'], 'close')
      assert.equal(headers['accept-encoding'], 'gzip,deflate,identity')
      assert.equal(headers['content-encoding'], 'identity')
      assert.equal(headers['access-control-allow-credentials'], 'true')
      assert.equal(headers['x-kuzzle-node'], 'knode-quiet-otter-1')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['access-control-allow-origin'], undefined)
    })

    it('is packed as the client likes', async () => {
      for (const encoding of ['gzip', 'deflate', 'identity']) {
        const { headers, body } = await test.ask('GET', '/_now', {
          token: admin,
          headers: { 'accept-encoding': encoding },
        })
        assert.equal(headers.get('content-encoding'), encoding)
        assert.equal(body.status, 200)
      }
    })

    it('is indented for people who ask for it', async () => {
      const headers = { authorization: `Bearer ${admin}` }
      const { body } = await sendRaw(`${test.url}/_now?pretty`, { method: 'GET', headers })
      assert.ok(body.startsWith('{\n  "status": 200,'))
    })

    it('goes to websites of any origin unless the settings say otherwise', async () => {
      const { headers } = await whoAmI({ origin: 'https://a.test' })
      assert.equal(headers.get('access-control-allow-origin'), 'https://a.test')
      assert.equal(headers.get('vary'), 'Origin')
    })
  })

  describe('the token', () => {
    it('is that of the Authorization header, whatever the case of its scheme', async () => {
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        assert.equal((await whoAmI({ authorization: `${scheme} ${admin}` })).body.result._id, 'root')
      }
    })

    it('is none when the scheme is another one', async () => {
      const { body } = await whoAmI({ authorization: `Basic ${admin}` })
      assert.equal(body.result._id, '-1')
    })

    it('is refused when it is bad, also by actions that need none', async () => {
      for (const token of ['x', 'null', 'kapikey-a.b.c', `kauth-${'x'.repeat(5_000)}`]) {
        const { status, body } = await test.ask('GET', '/_publicApi', { token })
        assert.equal(status, 401)
        assert.equal(body.error.id, 'security.token.invalid')
      }
    })

    it('that came twice is none that can be trusted', async () => {
      const headers = { authorization: [`Bearer ${admin}`, 'Bearer x'] }
      const { status } = await sendRaw(`${test.url}/_me`, { method: 'GET', headers })
      assert.equal(status, 400)
    })

    it('is not taken from the URL, where logs would see it, unless a setting says so', async (t) => {
      assert.equal((await whoAmI({}, `/_me?jwt=${admin}`)).body.result._id, '-1')
      const open = await openTestApi(t, { allowTokenInQuery: true })
      const token = await open.login('root')
      assert.equal((await open.ask('GET', `/_me?jwt=${token}`)).body.result._id, 'root')
      assert.equal(
        (await open.ask('GET', '/_me?jwt=x', { token })).body.result._id,
        'root',
        'the header goes first',
      )
    })
  })

  describe('the URL', () => {
    it('says which action is meant; `?controller=` and `?action=` change nothing', async () => {
      const { body } = await test.ask('GET', '/_now?controller=security&action=createFirstAdmin')
      assert.equal(body.action, 'now')
      assert.equal(body.result.now, test.authority.clock.now())
    })

    it('that stands for nothing is answered with its path', async () => {
      const { status, body } = await test.ask('GET', '/no/such?token=x')
      assert.equal(status, 404)
      assert.equal(body.error.id, 'network.http.url_not_found')
      assert.deepEqual(body.error.props, ['/no/such'])
      assert.equal(body.controller, null)
    })

    it('may have repeated and trailing slashes, and must be percent-encoded as it should be', async () => {
      assert.equal((await test.ask('GET', '//_me//')).body.result._id, '-1')
      const { status, body } = await test.ask('GET', '/users/%ff', { token: admin })
      assert.equal(status, 400)
      assert.equal(body.error.id, 'network.http.unexpected_error')
    })

    it('of an old name still works and is not listed', async () => {
      const { body } = await test.ask('GET', '/users/_me', { token: admin })
      assert.equal(body.result._id, 'root')
      assert.equal(body.deprecations, undefined)
    })
  })

  describe('other verbs', () => {
    it('HEAD is answered for the root only', async () => {
      assert.equal((await test.ask('HEAD', '/')).status, 200)
      assert.equal((await test.ask('HEAD', '/_me')).status, 404)
    })

    it('OPTIONS is answered for every path', async () => {
      const { status, body, headers } = await test.ask('OPTIONS', '/any/path', {
        headers: { origin: 'https://a.test' },
      })
      assert.equal(status, 200)
      assert.deepEqual(body.result, {})
      assert.match(headers.get('access-control-allow-methods') ?? '', /DELETE/)
      assert.equal(headers.get('access-control-allow-origin'), 'https://a.test')
    })

    it('unknown ones are refused', async () => {
      const { status, body } = await sendRaw(`${test.url}/_me`, { method: 'PROPFIND' })
      assert.equal(status, 400)
      assert.equal(JSON.parse(body).error.id, 'network.http.unsupported_verb')
    })
  })

  describe('the body', () => {
    const check = (raw: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
      test.ask('POST', '/_checkToken', { raw, headers })

    it('is JSON, also without a content type, and may be packed up to three times', async () => {
      const text = JSON.stringify({ token: admin })
      for (const [body, headers] of [
        [text, JSON_TYPE],
        [text, { 'content-type': 'application/json; charset=UTF-8' }],
        [text, { 'content-type': 'text/plain' }],
        [gzipSync(text), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
        [gzipSync(deflateSync(text)), { ...JSON_TYPE, 'content-encoding': 'deflate, gzip, identity' }],
      ] as const) {
        assert.equal((await check(body, headers)).body.result.kuid, 'root')
      }
      const { body } = await sendRaw(`${test.url}/_checkToken`, { method: 'POST', body: text })
      assert.equal(JSON.parse(body).result.kuid, 'root')
    })

    it('may be a form', async () => {
      const encoded = new URLSearchParams({ token: admin }).toString()
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      assert.equal((await check(encoded, form)).body.result.kuid, 'root')
      const parts = `--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n${admin}\r\n--b--\r\n`
      const multipart = { 'content-type': 'multipart/form-data; boundary=b' }
      assert.equal((await check(parts, multipart)).body.result.kuid, 'root')
    })

    it('that is empty is none', async () => {
      for (const raw of ['', '""', '[]', 'null']) assert.equal((await check(raw)).body.result.kuid, '-1')
    })

    it('that is a scalar is refused in an envelope, without an id', async () => {
      const { status, body } = await check('7')
      assert.equal(status, 400)
      assert.equal(body.error.message, 'Attribute body must be of type "object" or "array"')
      assert.equal('id' in body.error, false)
    })

    it('that cannot be read is refused without an envelope', async () => {
      const cases: readonly (readonly [string | Uint8Array, Record<string, string>, number, string])[] = [
        ['{"a":', JSON_TYPE, 400, 'network.http.body_parse_failed'],
        [Buffer.from([0x22, 0xff, 0x22]), JSON_TYPE, 400, 'network.http.body_parse_failed'],
        [`${'['.repeat(300)}${']'.repeat(300)}`, JSON_TYPE, 400, 'network.http.body_parse_failed'],
        ['<a/>', { 'content-type': 'text/xml' }, 400, 'network.http.unsupported_content'],
        [
          '{}',
          { 'content-type': 'application/json; charset=latin1' },
          400,
          'network.http.unsupported_charset',
        ],
        ['{}', { ...JSON_TYPE, 'content-encoding': 'br' }, 400, 'network.http.unsupported_compression'],
        [
          '{}',
          { ...JSON_TYPE, 'content-encoding': 'gzip,gzip,gzip,gzip' },
          400,
          'network.http.too_many_encodings',
        ],
        ['{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 400, 'network.http.unexpected_error'],
        ['x'.repeat(4_097), JSON_TYPE, 413, 'network.http.request_too_large'],
        [
          gzipSync('x'.repeat(4_097)),
          { ...JSON_TYPE, 'content-encoding': 'gzip' },
          413,
          'network.http.request_too_large',
        ],
      ]
      for (const [raw, headers, status, id] of cases) {
        const answer = await check(raw, headers)
        assert.equal(answer.body.id, id)
        assert.equal(answer.status, status)
        assert.equal(answer.body.status, status)
        assert.equal('controller' in answer.body, false)
        assert.equal(answer.headers.get('access-control-allow-origin'), '*')
      }
    })

    it('that is malformed is quoted to its sender, at most 50 characters of it, and not in the log', async () => {
      const secret = `{"password":"${'s3cret'.repeat(20)}`
      const { body } = await check(secret)
      assert.ok(body.message.endsWith(secret.slice(0, 50)))
      assert.ok(!test.logged.join('\n').includes('s3cret'))
    })

    it('that is nested too deep is refused with that reason', async () => {
      const query = `${'{"bool":{"must":['.repeat(40)}${']}}'.repeat(40)}`
      const { body } = await check(query)
      assert.equal(body.message, 'Unable to convert the HTTP body to JSON: nested deeper than 100 levels')
    })

    it('with too large a part is refused', async () => {
      const parts = `--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n${'y'.repeat(1_025)}\r\n--b--\r\n`
      const answer = await check(parts, { 'content-type': 'multipart/form-data; boundary=b' })
      assert.equal(answer.status, 413)
      assert.equal(answer.body.id, 'network.http.file_too_large')
    })
  })

  describe('`X-Kuzzle-Volatile`', () => {
    it('must be a JSON object', async () => {
      const broken = await whoAmI({ 'x-kuzzle-volatile': '{' })
      assert.equal(broken.body.error.id, 'network.http.volatile_parse_failed')
      const list = await whoAmI({ 'x-kuzzle-volatile': '[]' })
      assert.equal(list.body.error.message, 'Attribute volatile must be of type "object"')
      assert.equal(list.status, 400)
    })
  })

  describe('`/_query`', () => {
    const query = (body: unknown, headers: Record<string, string> = {}) =>
      test.ask('POST', '/_query', { body, headers })

    it('runs the request in its body', async () => {
      const { body } = await query({ controller: 'server', action: 'now', jwt: admin, requestId: 'x' })
      assert.equal(body.action, 'now')
      assert.equal(body.status, 200)
      assert.notEqual(body.requestId, 'x')
    })

    it("takes the header's token only when the body says nothing of one", async () => {
      const me = { controller: 'auth', action: 'getCurrentUser' }
      const headers = { authorization: `Bearer ${admin}` }
      assert.equal((await query(me, headers)).body.result._id, 'root')
      assert.equal((await query({ ...me, jwt: null }, headers)).body.result._id, '-1')
    })

    it('with an empty request misses its controller; without any, its body', async () => {
      assert.equal((await query({})).body.error.id, 'api.assert.missing_argument')
      assert.equal((await query(undefined)).body.error.id, 'api.assert.body_required')
      assert.equal((await query([1])).body.error.id, 'api.assert.invalid_type')
    })
  })

  describe('the probes', () => {
    it('answer without rights', async () => {
      for (const path of ['/_healthcheck', '/_ready']) {
        const { status, body } = await test.ask('GET', path)
        assert.equal(status, 200)
        assert.equal(body.controller, null)
        assert.equal(body.result, null)
      }
    })

    it('`/_ready` says when the server is about to end', async (t) => {
      const ending = await openTestApi(t)
      ending.api.close()
      assert.equal((await ending.ask('GET', '/_ready')).status, 503)
      assert.equal((await ending.ask('GET', '/_healthcheck')).status, 200)
      assert.equal((await ending.ask('GET', '/_me')).body.error.id, 'api.process.shutting_down')
    })
  })

  it('a request that there is no room for is refused', () => {
    const reply = test.api.http.overloaded({ headers: {} } as never)
    assert.equal(reply.status, 503)
    assert.equal(reply.headers['Retry-After'], '1')
    assert.equal(JSON.parse(String(reply.body)).id, 'api.process.overloaded')
  })
})

describe('over HTTP with a list of origins', () => {
  it('other websites are refused, and their browsers not told that they may read', async (t) => {
    const test = await openTestApi(t, { accessControlAllowOrigin: ['https://a.test'] })
    const good = await test.ask('GET', '/_me', { headers: { origin: 'https://a.test' } })
    assert.equal(good.headers.get('access-control-allow-origin'), 'https://a.test')
    const bad = await test.ask('GET', '/_me', { headers: { origin: 'https://b.test' } })
    assert.equal(bad.status, 401)
    assert.equal(bad.body.error.id, 'api.process.unauthorized_origin')
    assert.equal(bad.headers.get('access-control-allow-origin'), null)
  })
})

describe('in development', () => {
  it('errors show their stack, and old routes what to use instead', async (t) => {
    const test = await openTestApi(t, { development: true })
    const token = await test.login('root')
    assert.match((await test.ask('GET', '/_nope')).body.error.stack, /KuzzleError/)
    const { deprecations } = (await test.ask('GET', '/users/_me', { token })).body
    assert.deepEqual(deprecations, [
      { message: 'Use this route instead: http://kuzzle:7512/_me', version: '2.4.0' },
    ])
  })
})
