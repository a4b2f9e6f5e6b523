import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { HOSTILE_VALUES } from './argument-cases.ts'

/** A request with an action that exists more often than not. */
export function frame(
  actions: readonly (readonly [controller: string, action: string])[],
  jwt: string,
): fc.Arbitrary<object> {
  const named = fc.constantFrom(...actions).map(([controller, action]) => ({ controller, action }))
  const invented = fc.record({ controller: json(), action: json() }, { requiredKeys: [] })
  const args = members(fc.constantFrom(...ARGUMENTS), PLAUSIBLE_ARGUMENTS)
  const body = fc.option(fc.oneof({ weight: 9, arbitrary: bodyObject() }, json()))
  return fc
    .tuple(fc.oneof({ weight: 9, arbitrary: named }, invented), args, body)
    .map(([names, rest, body]) => ({ ...rest, ...names, ...(body !== null && { body }), jwt }))
}

/** A URL of the API's own, or of nobody's, with a hostile name in it. */
export function path(): fc.Arbitrary<string> {
  const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 8 }))
  const template = fc.constantFrom(
    '/api-keys/_create',
    '/api-keys/_search',
    '/users/*/api-keys/_create',
    '/users/*/api-keys/_search',
    '/users/*/_create',
    '/users/_search',
    '/users/_mGet',
    '/roles/*/_create',
    '/roles/_search',
    '/profiles/*/_create',
    '/profiles/_search',
    '/credentials/*/*/_create',
    '/_checkToken',
    '/_createToken',
    '/_query',
    '/admin/_loadSecurities',
    '/*',
    '/*/*/*',
  )
  return fc.tuple(template, name, name).map(([text, first, second]) => {
    const [before = '', ...after] = text.split('*')
    return after.length === 0 ? text : before + encoded(first) + after.join(encoded(second))
  })
}

const NAMES = HOSTILE_VALUES.filter((value) => typeof value === 'string' && value.length < 1_000)
  .map(String)
  .concat('somebody', 'local', '-1')

const ARGUMENTS =
  '_id userId strategy expiresIn refresh from size lang scroll scrollId services ids kuid reset force strict onAssignedUsers onExistingUsers singleUse cookieAuth startTime stopTime format scope collection index targets retryOnConflict'.split(
    ' ',
  )

const MEMBERS =
  'description token content credentials local username password profileIds controllers policies roleId restrictedTo rateLimit tags ids query term match terms range bool must sort aggs properties type roles profiles users kuid __proto__'.split(
    ' ',
  )

/** So many cases at once. */
export function batchOf<T>(one: fc.Arbitrary<T>, size: number): fc.Arbitrary<T[]> {
  return fc.array(one, { minLength: size, maxLength: size })
}

/** An object of named members, most of which hold what belongs there. */
function members(
  name: fc.Arbitrary<string>,
  plausible: Readonly<Record<string, unknown>>,
): fc.Arbitrary<Record<string, unknown>> {
  const member = fc.tuple(name, json(), fc.nat(3)).map(([key, value, chance]): [string, unknown] => {
    return [key, chance === 0 || !Object.hasOwn(plausible, key) ? value : plausible[key]]
  })
  return fc.array(member, { minLength: 2, maxLength: 12 }).map(Object.fromEntries)
}

function bodyObject(): fc.Arbitrary<Record<string, unknown>> {
  return members(fc.constantFrom(...MEMBERS), PLAUSIBLE_MEMBERS)
}

const PLAUSIBLE_ARGUMENTS: Readonly<Record<string, unknown>> = {
  _id: 'somebody',
  userId: 'somebody',
  strategy: 'local',
  expiresIn: '1h',
  from: 1,
  size: '5',
  lang: 'koncorde',
  scroll: '10s',
  scrollId: 'x',
  ids: ['somebody'],
  collection: 'users',
  force: true,
  onAssignedUsers: 'remove',
  onExistingUsers: 'overwrite',
  targets: [{ index: 'i', collections: ['c'] }],
  retryOnConflict: 1,
}

const PLAUSIBLE_MEMBERS: Readonly<Record<string, unknown>> = {
  description: 'd',
  token: 'kapikey-a.b.c',
  content: { profileIds: ['default'], name: 'n' },
  controllers: { auth: { actions: { login: true } } },
  policies: [{ roleId: 'default' }],
  profileIds: ['default'],
  rateLimit: 5,
  tags: ['t'],
  ids: ['somebody', 'nobody'],
  query: { bool: { must: [{ match: { description: 'd' } }], must_not: { term: { ttl: '\u0000' } } } },
  match: { description: 'd e' },
  term: { userId: 'x' },
  terms: { _id: ['a', 'b'] },
  range: { expiresAt: { gte: 1, lt: 1e300 } },
  bool: { should: [{ match_all: {} }], minimum_should_match: '50%' },
  sort: [{ _id: 'desc' }],
  properties: { age: { type: 'integer' } },
  roles: { r: { controllers: { '*': { actions: { '*': true } } } } },
  profiles: { p: { policies: [] } },
  users: { u: { content: { profileIds: ['default'] } } },
}

function json(): fc.Arbitrary<unknown> {
  const text = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 12 }))
  const simple = fc.oneof(text, fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e300, 42))
  return fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      simple,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...MEMBERS), tie('value'), { maxKeys: 3 }),
    ),
  })).value
}

/** JSON, half of it damaged, or anything at all; some of it packed. */
export function bytes(): fc.Arbitrary<Uint8Array> {
  const whole = fc.oneof(bodyObject(), json()).map((value) => Buffer.from(JSON.stringify(value)))
  const cut = fc.tuple(whole, fc.nat(40)).map(([text, end]) => text.subarray(0, end))
  const plain = fc.oneof(whole, cut, fc.uint8Array({ maxLength: 60 }))
  return fc.oneof(plain, plain.map(gzipSync), plain.map(deflateSync))
}

/** Headers that say what the body is, or what it is not. */
export function headers(): fc.Arbitrary<Readonly<Record<string, string>>> {
  const types = [
    'application/json',
    'application/json; charset=utf-8',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'text/plain',
    ';;;=',
  ]
  return fc.record(
    {
      'content-type': fc.constantFrom(...types),
      'content-encoding': fc.constantFrom('gzip', 'deflate', 'identity', 'br', 'gzip, gzip', 'a,b,c,d', ','),
      'x-kuzzle-volatile': fc.constantFrom('{}', '[]', '{', 'null', '{"sdkName":"js@6"}', '{"sdkName":{}}'),
      'x-kuzzle-request-id': fc.constantFrom('', 'x'.repeat(1_000), '%s', '\u00e9'),
      cookie: fc.constantFrom('authToken=null', 'a', '=', ';;;', 'other=%ff'),
      origin: fc.constantFrom('null', '*', 'http://a b', 'x'.repeat(1_000)),
    },
    { requiredKeys: [] },
  )
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** Query strings are cut to so many characters: with the longest path they fit into the head of a request. */
const QUERY_CHARACTERS_MAX = 3_000

/** Arguments of every kind of action, well and badly encoded. */
export function queryString(): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.constantFrom(...NAMES).map(encoded),
    fc.constantFrom('%', '%zz', '%ff', '[', '["a"', '[1]', '{}', '-1', '1e3', 'true'),
  )
  const pair = fc.tuple(
    fc.constantFrom(...ARGUMENTS, 'pretty', 'jwt', 'controller', 'action', '__proto__'),
    value,
  )
  return fc
    .array(pair, { maxLength: 5 })
    .map((pairs) => pairs.map((parts) => parts.join('=')).join('&'))
    .map((text) => text.slice(0, QUERY_CHARACTERS_MAX))
}

/** The first bytes of a connection: requests with something wrong in them, and no requests at all. */
export function head(): fc.Arbitrary<Uint8Array> {
  const line = fc.constantFrom(
    'GET /_now HTTP/1.1',
    'POST /_query HTTP/1.1',
    'GET /%00%ff/../.. HTTP/1.1',
    'GET http://other/_now HTTP/1.1',
    'GET * HTTP/1.1',
    'OPTIONS * HTTP/1.0',
    'TRACE /_now HTTP/1.1',
    'GET /_now HTTP/9.9',
    'NONSENSE',
  )
  const field = fc.constantFrom(
    'Host: x',
    'Content-Length: 3',
    'Content-Length: -1',
    'Content-Length: 99999999999',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: x',
    'Expect: 100-continue',
    'Expect: y',
    'Upgrade: websocket',
    'Connection: upgrade',
    'Connection: close',
    'Sec-WebSocket-Key: x',
    'Authorization: Bearer a',
    'Authorization: Bearer b',
    ' folded: x',
    'no colon',
    `X-Long: ${'x'.repeat(20_000)}`,
  )
  const request = fc
    .tuple(line, fc.array(field, { maxLength: 5 }), fc.constantFrom('', '{}', '0\r\n\r\n', 'zz\r\n', '{"a'))
    .map(([first, fields, rest]) => Buffer.from(`${[first, ...fields].join('\r\n')}\r\n\r\n${rest}`))
  return fc.oneof(request, fc.uint8Array({ minLength: 1, maxLength: 300 }))
}
