import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mayBecomeLaneHead, parseLaneHead } from './lane-head.ts'
import type { LaneRoute } from './lane-message.ts'

const answer = () => ({ status: 200, fields: '', body: '' })
const VERIFY: LaneRoute = {
  methods: ['POST'],
  path: '/v1/verify',
  reach: 'path',
  bodyBytesMax: 100,
  passesOn: ['origin'],
  answer,
}
const AUTHORIZE: LaneRoute = {
  methods: ['GET', 'POST'],
  path: '/v1/authorize',
  reach: 'below',
  bodyBytesMax: 0,
  answer,
}
const ROUTES = [VERIFY, AUTHORIZE]

const headOf = (line: string, ...fields: readonly string[]): string =>
  `${[line, ...fields].join('\r\n')}\r\n\r\n`
const parse = (line: string, ...fields: readonly string[]) => parseLaneHead(headOf(line, ...fields), ROUTES)

describe('a plain head', () => {
  test('is read in full, names in lower case and values without blanks around them', () => {
    const head = parse(
      'POST /v1/verify?a=b HTTP/1.1',
      'Host: localhost:7512',
      'AUTHORIZATION:\t Bearer x y \t',
      'X-Empty:',
      'Content-Length: 17',
      'Connection: Keep-Alive',
    )
    assert.equal(head?.route, VERIFY)
    assert.equal(head.method, 'POST')
    assert.equal(head.path, '/v1/verify')
    assert.equal(head.query, 'a=b')
    assert.equal(head.bodyLength, 17)
    assert.deepEqual(
      { ...head.headers },
      {
        host: 'localhost:7512',
        authorization: 'Bearer x y',
        'x-empty': '',
        'content-length': '17',
        connection: 'Keep-Alive',
      },
    )
  })

  test('finds routes that mean all below their path, and no others', () => {
    assert.equal(parse('GET /v1/authorize HTTP/1.1', 'Host: a')?.route, AUTHORIZE)
    assert.equal(parse('GET /v1/authorize/ HTTP/1.1', 'Host: a')?.route, AUTHORIZE)
    assert.equal(
      parse('GET /v1/authorize/a/%2e%2e/b?c HTTP/1.1', 'Host: a')?.path,
      '/v1/authorize/a/%2e%2e/b',
    )
    for (const path of ['/v1/authorizes', '/v1/verify/', '/v1/verify/x', '/v1/Verify', '/v1//verify', '/'])
      assert.equal(parse(`POST ${path} HTTP/1.1`, 'Host: a'), undefined, path)
  })

  test('may hold names that mean something to JavaScript', () => {
    const head = parse('GET /v1/authorize HTTP/1.1', 'Host: a', '__proto__: x', 'constructor: y')
    assert.deepEqual(Object.keys(head?.headers ?? {}), ['host', '__proto__', 'constructor'])
    assert.equal(head?.headers['constructor'], 'y')
    assert.equal(head.headers['toString'], undefined)
  })
})

describe('what is not plain is left to node:http', () => {
  const host = 'Host: a'
  const lines: Readonly<Record<string, readonly string[]>> = {
    'a method that the route does not have': ['PUT /v1/verify HTTP/1.1', host],
    'a method in lower case': ['post /v1/verify HTTP/1.1', host],
    'another version': ['POST /v1/verify HTTP/1.0', host],
    'the absolute form': ['POST http://a/v1/verify HTTP/1.1', host],
    'a fragment': ['GET /v1/authorize#x HTTP/1.1', host],
    'two spaces': ['GET  /v1/authorize HTTP/1.1', host],
    'no host': ['GET /v1/authorize HTTP/1.1', 'X: y'],
    'an empty host': ['GET /v1/authorize HTTP/1.1', 'Host: '],
    'two hosts': ['GET /v1/authorize HTTP/1.1', host, host],
    'any header twice': ['GET /v1/authorize HTTP/1.1', host, 'X: y', 'x: y'],
    'a transfer encoding': ['POST /v1/verify HTTP/1.1', host, 'Transfer-Encoding: chunked'],
    'a content encoding': ['POST /v1/verify HTTP/1.1', host, 'Content-Length: 3', 'Content-Encoding: gzip'],
    'an expectation': ['POST /v1/verify HTTP/1.1', host, 'Expect: 100-continue', 'Content-Length: 3'],
    'an upgrade': ['GET /v1/authorize HTTP/1.1', host, 'Upgrade: websocket'],
    'another connection option': ['GET /v1/authorize HTTP/1.1', host, 'Connection: close'],
    'a folded line': ['GET /v1/authorize HTTP/1.1', host, ' folded'],
    'a space before the colon': ['GET /v1/authorize HTTP/1.1', 'Host : a'],
    'a line without colon': ['GET /v1/authorize HTTP/1.1', host, 'x'],
    'a bare line feed': ['GET /v1/authorize HTTP/1.1', `${host}\nX: y`],
    'a bare carriage return': ['GET /v1/authorize HTTP/1.1', `${host}\rX: y`],
    'a NUL': ['GET /v1/authorize HTTP/1.1', `${host}\0`],
    'a byte beyond ASCII': ['GET /v1/authorize HTTP/1.1', host, 'X: \xe9'],
    'a length with a sign': ['POST /v1/verify HTTP/1.1', host, 'Content-Length: +3'],
    'a length with leading zeros': ['POST /v1/verify HTTP/1.1', host, 'Content-Length: 03'],
    'a list of lengths': ['POST /v1/verify HTTP/1.1', host, 'Content-Length: 3, 3'],
    'no digits of a length': ['POST /v1/verify HTTP/1.1', host, 'Content-Length:'],
    'a body longer than the route takes': ['POST /v1/verify HTTP/1.1', host, 'Content-Length: 101'],
    'a body where the route takes none': ['POST /v1/authorize HTTP/1.1', host, 'Content-Length: 1'],
    'a body of a GET': ['GET /v1/authorize HTTP/1.1', host, 'Content-Length: 1'],
    'a header that the route passes on': ['POST /v1/verify HTTP/1.1', host, 'Origin: https://a'],
  }
  for (const [what, [line = '', ...fields]] of Object.entries(lines)) {
    test(what, () => assert.equal(parse(line, ...fields), undefined))
  }

  test('matching a long head takes no longer than reading it', () => {
    // Patterns that look back would take minutes for this.
    const blanks = ' '.repeat(100_000)
    assert.equal(parse('GET /v1/authorize HTTP/1.1', `Host: a${blanks}\0`), undefined)
    assert.equal(mayBecomeLaneHead(`GET /v1/authorize HTTP/1.1\r\nHost: ${blanks}\0`, ROUTES), false)
  })
})

test('every beginning of a head for the lane may become one', () => {
  const heads = [
    headOf('POST /v1/verify?x=%20 HTTP/1.1', 'Host: localhost', 'Content-Length: 3', 'X-Y: z'),
    headOf('GET /v1/authorize/a/b HTTP/1.1', 'Host: localhost', 'X:'),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...heads), fc.integer({ min: 1, max: 200 }), (head, length) =>
      mayBecomeLaneHead(head.slice(0, Math.min(length, head.length - 1)), ROUTES),
    ),
  )
})

test('a beginning that no head for the lane has is known as such at once', () => {
  const beginnings = ['X', 'GET /_me', 'POST /v1/authorize HTTP/1.0', 'GET /v1/authorize HTTP/1.1\n', '\r\n']
  const fields = ['Host : a', 'no colon\r', ' folded', 'X: \0', 'X: y\n', 'X: y\rz']
  for (const text of [...beginnings, ...fields.map((field) => `GET /v1/authorize HTTP/1.1\r\n${field}`)])
    assert.equal(mayBecomeLaneHead(text, ROUTES), false, JSON.stringify(text))
})
