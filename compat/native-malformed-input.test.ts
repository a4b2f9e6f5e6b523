import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { createNativeAdmin } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** The default of `server.maxRequestSize`. */
const BODY_BYTES_MAX = 1_048_576

type Case = {
  readonly name: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Uint8Array
  readonly status: number
  readonly code: string
}

const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }

/** A request to create a key that is wrong in its body. */
function body(name: string, sent: string | Uint8Array, code = 'request.invalid', status = 400): Case {
  return { name, method: 'POST', path: '/v1/keys', headers: JSON_TYPE, body: sent, status, code }
}

/** A listing with a query string that is wrong. */
function query(name: string, text: string): Case {
  return { name, path: `/v1/keys?${text}`, status: 400, code: 'request.invalid' }
}

const BODIES: readonly Case[] = [
  body('is not there', ''),
  body('is no JSON', '{', 'request.malformed_body'),
  body('is JavaScript', "{owner:'ada'}", 'request.malformed_body'),
  body('has something behind it', '{} {}', 'request.malformed_body'),
  body('is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'request.malformed_body'),
  body('holds half a character', '{"description":"\\ud800"}', 'request.malformed_body'),
  body('holds half a character in a name', '{"metadata":{"\\uDC00":1}}', 'request.malformed_body'),
  body('is nested too deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, 'request.malformed_body'),
  body('is a list', '[]'),
  body('is a text', '"x"'),
  body('is null', 'null'),
  body('has an unknown member', '{"ownr":"ada"}'),
  body('has a member of the prototype', '{"__proto__":{"owner":"ada"}}'),
  body('has a text where a list belongs', '{"scopes":"invoices:read"}'),
  body('has a scope that is none', '{"scopes":["invoices read"]}', 'policy.invalid'),
  body('has an address that is none', '{"addresses":["300.1.1.1"]}', 'policy.invalid'),
  body('has a time zone that is none', '{"window":{"timeZone":"Mars/Olympus"}}', 'policy.invalid'),
  body('has two limits of one name', limits('a', 'a'), 'policy.invalid'),
  body('has a limit of a name that is none', limits('a b')),
  body('lives for a month of unknown length', '{"ttl":"P1M"}'),
  body('lives for no time', '{"ttl":0}'),
  body('expires before it begins', '{"expiresAt":"2001-01-01T00:00:00Z"}'),
  body('says twice how long it lives', '{"ttl":1000,"expiresAt":"2100-01-01T00:00:00Z"}'),
  body('has an empty id', '{"id":""}'),
  body('has an id that is too long', JSON.stringify({ id: 'é'.repeat(500) }), 'id.invalid'),
  body('has a reserved id', '{"id":"_search"}', 'id.invalid'),
  body('has an owner that does not exist', '{"owner":"nobody"}', 'user.not_found', 404),
  body('has a keyspace that does not exist', '{"keyspace":"nowhere"}', 'keyspace.unknown'),
  body('has too much metadata', JSON.stringify({ metadata: { a: 'x'.repeat(17_000) } }), 'metadata.invalid'),
  body('has metadata that is a list', '{"metadata":[]}'),
  body('has half a credit', '{"credits":{"initial":0.5}}'),
  body(
    'refills every so often, but not how often',
    '{"credits":{"initial":1,"refill":{"interval":"every"}}}',
  ),
  body('is too large', `{"description":"${'x'.repeat(BODY_BYTES_MAX)}"}`, 'request.too_large', 413),
]

function limits(...names: readonly string[]): string {
  return JSON.stringify({ limits: names.map((name) => ({ name, limit: 1, window: 1_000 })) })
}

/** Small, and large once it is unpacked. */
const BOMB = gzipSync(Buffer.alloc(32 * BODY_BYTES_MAX, 0x20))

const HEADS: readonly Case[] = [
  {
    ...body('is a form', 'owner=ada'),
    headers: FORM_TYPE,
    status: 415,
    code: 'request.unsupported_media_type',
  },
  {
    ...body('is in another alphabet', '{}'),
    headers: { 'content-type': 'application/json; charset=latin1' },
    status: 415,
    code: 'request.unsupported_media_type',
  },
  {
    ...body('is packed in an unknown way', '{}'),
    headers: { ...JSON_TYPE, 'content-encoding': 'br' },
    status: 415,
    code: 'request.unsupported_encoding',
  },
  {
    ...body('is packed ever so often', '{}'),
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip,gzip,gzip,gzip,gzip' },
    status: 415,
    code: 'request.unsupported_encoding',
  },
  {
    ...body('is not what it is packed as', '{}', 'request.malformed_body'),
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
  },
  {
    ...body('is a bomb', BOMB, 'request.too_large', 413),
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
  },
  {
    ...body('is to be answered in HTML', '{}', 'request.not_acceptable', 406),
    headers: { ...JSON_TYPE, accept: 'text/html, application/json;q=0' },
  },
  {
    ...body('has an idempotency key with a space', '{}'),
    headers: { ...JSON_TYPE, 'idempotency-key': 'a b' },
  },
  {
    ...body('has an idempotency key that is too long', '{}'),
    headers: { ...JSON_TYPE, 'idempotency-key': 'x'.repeat(256) },
  },
]

const QUERIES: readonly Case[] = [
  query('has an unknown field', 'ownr=ada'),
  query('has a field twice', 'owner=ada&owner=bob'),
  query('has a state that is none', 'state=dead'),
  query('has an instant that is none', 'expiringBefore=tomorrow'),
  query('has a limit of 0', 'limit=0'),
  query('has a limit that is too large', 'limit=1001'),
  query('has an empty limit', 'limit='),
  query('has a cursor that nobody gave', 'cursor=%F0%9F%92%A9'),
  query(
    'has more fields than anybody needs',
    Array.from({ length: 500 }, (_, index) => `f${index}=1`).join('&'),
  ),
]

const PATHS: readonly Case[] = [
  { name: 'no route', path: '/v1/nothing', status: 404, code: 'request.not_found' },
  { name: 'the root', path: '/v1', status: 404, code: 'request.not_found' },
  { name: 'no text', path: '/v1/keys/%ff', status: 404, code: 'request.not_found' },
  { name: 'an end of text', path: '/v1/keys/%00', status: 404, code: 'key.not_found' },
  { name: 'a path in a path', path: '/v1/keys/..%2f..%2fetc%2fpasswd', status: 404, code: 'key.not_found' },
  { name: 'the name of a prototype', path: '/v1/roles/__proto__', status: 404, code: 'role.not_found' },
  { name: 'a very long id', path: `/v1/owners/${'x'.repeat(5_000)}`, status: 404, code: 'user.not_found' },
  {
    name: 'a method that it has not',
    method: 'PUT',
    path: '/v1/keys',
    status: 405,
    code: 'request.method_not_allowed',
  },
  {
    name: 'a method that nobody has',
    method: 'PROPFIND',
    path: '/v1/keys',
    status: 405,
    code: 'request.method_not_allowed',
  },
]

const TOKENS: readonly Case[] = [
  { name: 'no token', headers: { authorization: '' }, status: 401, code: 'token.missing' },
  { name: 'another scheme', headers: { authorization: 'Basic YTpi' }, status: 401, code: 'token.missing' },
  { name: 'an empty token', headers: { authorization: 'Bearer ' }, status: 401, code: 'token.missing' },
  { name: 'a foreign token', headers: { authorization: 'Bearer ghp_x' }, status: 401, code: 'token.invalid' },
  {
    name: 'two tokens',
    headers: { authorization: ['Bearer a', 'Bearer b'] },
    status: 400,
    code: 'request.invalid',
  },
  { name: 'two keys', headers: { 'x-api-key': ['a', 'b'] }, status: 400, code: 'request.invalid' },
  { name: 'a key and a token', headers: { 'x-api-key': 'a' }, status: 400, code: 'request.invalid' },
  {
    name: 'a very long token',
    headers: { authorization: `Bearer ${'x'.repeat(9_000)}` },
    status: 401,
    code: 'token.invalid',
  },
  {
    name: 'a token in the URL',
    path: '/v1/keys?access_token=x',
    headers: { authorization: '' },
    status: 401,
    code: 'token.missing',
  },
].map((token) => ({ path: '/v1/keys', ...token }))

describe('the API under /v1 that is sent nonsense', () => {
  let server: RunningServer
  let admin: string

  before(async () => {
    server = await startServer()
    admin = await createNativeAdmin(server)
  })
  after(async () => {
    const log = server.output()
    const exitCode = await server.stop()
    server.discard()
    assert.doesNotMatch(log, /unexpectedly|^\S+ (?:error|fatal) /m)
    assert.ok(!log.includes(admin))
    assert.equal(exitCode, 0)
  })

  type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly text: string }

  /** As node:http sends it, because fetch mends what it can. */
  function send({
    method = 'GET',
    path = '/',
    headers = {},
    body: sent = '',
  }: Omit<Case, 'name' | 'status' | 'code'>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { host, port } = server
      const shown = { authorization: `Bearer ${admin}`, ...headers }
      const length = { 'content-length': Buffer.byteLength(sent) }
      const request = httpRequest(
        { host, port, method, path, headers: { ...shown, ...(sent.length > 0 && length) } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
          })
        },
      )
      request.on('error', reject)
      request.end(sent)
    })
  }

  const groups: readonly [string, readonly Case[]][] = [
    ['a body that', BODIES],
    ['a body that', HEADS],
    ['a query string that', QUERIES],
    ['a path to', PATHS],
    ['a request with', TOKENS],
  ]
  for (const [what, cases] of groups) {
    for (const { name, status, code, ...sent } of cases) {
      it(`refuses ${what} ${name}`, async () => {
        const answer = await send(sent)
        assert.equal(answer.status, status, answer.text)
        assert.equal(answer.headers['content-type'], 'application/problem+json')
        assert.equal(answer.headers['cache-control'], 'no-store')
        const problem = JSON.parse(answer.text)
        assert.equal(problem.code, code, answer.text)
        assert.equal(problem.status, status)
        assert.ok(!answer.text.includes(admin))
      })
    }
  }

  it('names what is unknown, and what was probably meant', async () => {
    const { text } = await send(
      body('', '{"ownr":"ada","scope":[],"limits":[{"name":"a","limit":1,"window":1,"automatc":true}]}'),
    )
    const errors: { pointer: string; suggestion?: string }[] = JSON.parse(text).errors
    assert.deepEqual(Object.fromEntries(errors.map(({ pointer, suggestion }) => [pointer, suggestion])), {
      '/ownr': 'owner',
      '/scope': 'scopes',
      '/limits/0/automatc': 'automatic',
    })
  })

  it('refuses at the routes of OAuth in its words as well, and says what form is needed', async () => {
    for (const path of ['/v1/introspect', '/v1/revoke']) {
      for (const form of ['', 'x=1']) {
        const { status, text } = await send({ method: 'POST', path, headers: FORM_TYPE, body: form })
        const problem = JSON.parse(text)
        assert.deepEqual([status, problem.code, problem.error], [400, 'request.invalid', 'invalid_request'])
        assert.match(problem.error_description, /token=/)
        assert.deepEqual(problem.errors[0].parameter, 'token')
      }
    }
    const strange = { method: 'POST', path: '/v1/introspect', body: 'token=x' }
    const stranger = { ...FORM_TYPE, authorization: 'Bearer nonsense' }
    const refused = await send({ ...strange, headers: stranger })
    assert.deepEqual([refused.status, JSON.parse(refused.text).error], [401, 'invalid_token'])
    assert.equal('error' in JSON.parse((await send(body('', '[]'))).text), false)
  })

  it('takes a body that is packed', async () => {
    const packed = { ...JSON_TYPE, 'content-encoding': 'deflate' }
    const { status } = await send({
      method: 'POST',
      path: '/v1/keys',
      headers: packed,
      body: deflateSync('{}'),
    })
    assert.equal(status, 201)
  })

  it('answers HEAD as GET, without the body, and OPTIONS with what there is', async () => {
    const head = await send({ method: 'HEAD', path: '/v1/keys' })
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
    assert.ok(Number(head.headers['content-length']) > 0)
    const origin = { origin: 'https://app.test' }
    const options = await send({ method: 'OPTIONS', path: '/v1/keys/x', headers: origin })
    assert.equal(options.status, 204)
    assert.equal(options.headers['allow'], 'GET, HEAD, PATCH, DELETE, OPTIONS')
    assert.equal(options.headers['access-control-allow-origin'], 'https://app.test')
    assert.match(String(options.headers['access-control-allow-headers']), /X-API-Key/)
    const wrong = await send({ method: 'PUT', path: '/v1/keys/x' })
    assert.equal(wrong.headers['allow'], 'GET, HEAD, PATCH, DELETE, OPTIONS')
  })

  it('repeats request ids that are fit to be repeated, and makes its own otherwise', async () => {
    const ids = async (given: string) => {
      const sent = { path: '/v1/whoami', headers: { 'x-request-id': given } }
      return (await send(sent)).headers['x-request-id']
    }
    assert.equal(await ids('trace-1'), 'trace-1')
    for (const given of ['', 'a b', 'x'.repeat(129), 'é']) {
      const answered = await ids(given)
      assert.notEqual(answered, given)
      assert.match(String(answered), /^[\w-]{8,}$/)
    }
  })
})
