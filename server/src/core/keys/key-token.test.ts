import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ID_BYTES_MAX, type UserId } from '../ids.ts'
import { parseKeyToken, printKeyToken, TOKEN_LENGTH_MAX, type TokenClaims } from './key-token.ts'
import { mintNativeToken } from './native-token.ts'

const SECRET = 'a secret of the tests'
const random = new Uint8Array(20).map((_, index) => index * 13)
const claims: TokenClaims = { family: 'key', owner: 'bob' as UserId, issuedAt: 1_700_000_000_999, random }
const print = (changed: Partial<TokenClaims> = {}, algorithm: 'HS256' | 'HS384' | 'HS512' = 'HS256') =>
  printKeyToken({ ...claims, ...changed }, { algorithm, secret: SECRET })

/** What kuzzle-sdk 7 does: the alphabet of plain base64, every other character dropped. */
function decodeAsKuzzleSdk(token: string): {
  readonly _id: string
  readonly exp?: number
  readonly jti: string
} {
  const payload = token.split('.')[1] ?? ''
  return JSON.parse(Buffer.from(payload.replace(/[^A-Za-z0-9+/]/g, ''), 'base64').toString('latin1'))
}

describe('a printed token', () => {
  test('is readable by the decoder of kuzzle-sdk for every user id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ minLength: 20 }), (owner, random) => {
        const token = print({ owner: owner as UserId, random })
        assert.match(token.split('.')[1] ?? '', /^[A-Za-z0-9]+$/)
        assert.equal(decodeAsKuzzleSdk(token)._id, owner)
      }),
      { numRuns: 2_000 },
    )
    for (const owner of ['??', '~~~', '>>>', 'a?>~\u007f', 'Zoë', '名前', '🔑']) {
      assert.equal(decodeAsKuzzleSdk(print({ owner: owner as UserId }))._id, owner)
    }
  })

  test('carries a signature that any JWT library accepts, with each algorithm', () => {
    for (const [algorithm, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const) {
      const [header, payload, signature] = print({}, algorithm).slice('kapikey-'.length).split('.')
      assert.deepEqual(JSON.parse(Buffer.from(header ?? '', 'base64url').toString()), {
        alg: algorithm,
        typ: 'JWT',
      })
      const expected = createHmac(hash, SECRET).update(`${header}.${payload}`).digest('base64url')
      assert.equal(signature, expected)
    }
  })

  test('never says that it is dead before it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4e15 }), (expiresAt) => {
        const { exp } = decodeAsKuzzleSdk(print({ expiresAt }))
        assert.ok(exp !== undefined && exp * 1000 >= expiresAt && exp * 1000 < expiresAt + 1000)
      }),
    )
  })

  test('has no `exp` when it never expires, and all its random bits in `jti`', () => {
    const payload = decodeAsKuzzleSdk(print())
    assert.deepEqual(payload, { _id: 'bob', iat: 1_700_000_000, jti: Buffer.from(random).toString('hex') })
  })

  test('is never too long to be accepted, whatever the owner', () => {
    for (const owner of ['?'.repeat(ID_BYTES_MAX), '\u0001'.repeat(ID_BYTES_MAX)]) {
      const token = print({ owner: owner as UserId, expiresAt: 8.64e15, family: 'key' }, 'HS512')
      assert.ok(token.length <= TOKEN_LENGTH_MAX, `${token.length}`)
      assert.equal(parseKeyToken(token), 'key')
    }
  })
})

describe('parseKeyToken', () => {
  test('tells the family by the prefix', () => {
    assert.equal(parseKeyToken(print()), 'key')
    assert.equal(parseKeyToken(print({ family: 'session' })), 'session')
  })

  test('knows tokens of our own form by their looks, whatever their prefix', () => {
    const bytes = new Uint8Array(48).map((_, index) => index * 5)
    for (const prefix of ['lk', 'kapikey', 'kauth', 'k']) {
      const source = { bytes: () => bytes, uuid: () => '' }
      const { token } = mintNativeToken(source, { prefix, environment: 'live' })
      assert.equal(parseKeyToken(token), 'native')
      assert.equal(parseKeyToken(`${token}x`), undefined)
    }
  })

  test('refuses everything that has no prefix, not three parts, or is too long', () => {
    const [header, payload, signature] = print().split('.')
    const wrong = [
      '',
      'kapikey-',
      'kauth-',
      'kapikey-a.b',
      'kapikey-a.b.c.d',
      'kapikey-..',
      'kapikey-a.b.c\n',
      ' kapikey-a.b.c',
      'KAPIKEY-a.b.c',
      'kapikey-a.b.c=',
      `${header}.${payload}`,
      print().slice('kapikey-'.length),
      `${header}.${payload}.${signature}${'x'.repeat(TOKEN_LENGTH_MAX)}`,
    ]
    for (const token of wrong) assert.equal(parseKeyToken(token), undefined, token.slice(0, 60))
  })

  test('answers at once for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 6_000 }),
        fc.constantFrom('', 'kapikey-', 'kauth-'),
        (text, prefix) => {
          const family = parseKeyToken(prefix + text)
          assert.ok(family === undefined || /^(kapikey|kauth)-[\w-]+\.[\w-]+\.[\w-]+$/.test(prefix + text))
        },
      ),
      { numRuns: 5_000 },
    )
  })
})
