import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import type { Randomness } from '../ports/randomness.ts'
import { CRC32_START, finishCrc32, updateCrc32 } from './crc32.ts'
import {
  isNativeToken,
  KEYSPACE_PART_LENGTH_MAX,
  mintNativeToken,
  NATIVE_TAIL_LENGTH,
  NATIVE_TOKEN_LENGTH_MAX,
} from './native-token.ts'

const RANDOM: Randomness = { bytes: (count) => randomBytes(count), uuid: () => randomUUID() }
const LK_LIVE = { prefix: 'lk', environment: 'live' }
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const part = fc.stringMatching(/^[a-z0-9]{1,16}$/)
const keyspace = fc.record({ prefix: part, environment: part })
/** Tokens of any keyspace, with bytes that fast-check can make smaller. */
const token = fc
  .tuple(keyspace, fc.uint8Array({ minLength: 48, maxLength: 48 }))
  .map(([space, bytes]) => mintNativeToken(sourceOf(bytes), space).token)

/** Answers the same bytes again and again; those that mint throws away become zeros. */
function sourceOf(bytes: Uint8Array): Randomness {
  return { bytes: () => bytes.map((byte) => (byte < 248 ? byte : 0)), uuid: () => randomUUID() }
}

function changed(text: string, at: number, to: string): string {
  return text.slice(0, at) + to + text.slice(at + 1)
}

describe('crc32', () => {
  test('is the one of zlib', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        let crc = CRC32_START
        for (let at = 0; at < text.length; at++) crc = updateCrc32(crc, text.charCodeAt(at))
        assert.equal(finishCrc32(crc), crc32(text))
      }),
    )
  })
})

describe('a native token', () => {
  test('is prefix, environment, name, secret and the CRC-32 of all that, and its hint ends with the name', () => {
    for (let count = 0; count < 200; count++) {
      const minted = mintNativeToken(RANDOM, LK_LIVE)
      assert.match(minted.token, /^lk_live_[0-9A-Za-z]{41}$/)
      assert.match(minted.hint, /^lk_live_[0-9A-Za-z]{8}$/)
      assert.ok(minted.token.startsWith(minted.hint))
      let checksum = 0
      for (const digit of minted.token.slice(-6)) checksum = checksum * 62 + BASE62.indexOf(digit)
      assert.equal(checksum, crc32(minted.token.slice(0, -6)))
    }
  })

  test('is accepted, of every keyspace, and a double click selects all of it', () => {
    fc.assert(
      fc.property(token, (text) => {
        assert.ok(isNativeToken(text))
        assert.match(text, /^\w+$/)
        assert.ok(text.length <= NATIVE_TOKEN_LENGTH_MAX)
      }),
    )
  })

  test('fits one block of SHA-256 when prefix and environment have 12 characters', () => {
    const { token: text } = mintNativeToken(RANDOM, { prefix: 'abcdef', environment: 'ghijkl' })
    assert.equal(text.length, 55)
  })

  test('holds at least 160 random bits beside its public name', () => {
    const { token: text, hint } = mintNativeToken(RANDOM, LK_LIVE)
    const secretLength = text.length - hint.length - 6
    assert.ok(62n ** BigInt(secretLength) > 2n ** 160n)
  })

  test('is made of digits that are all equally likely: each comes from four bytes, and eight bytes are thrown away', () => {
    const from = new Map<string, number>()
    let refused = 0
    for (let byte = 0; byte < 256; byte++) {
      const source: Randomness = {
        bytes: (count) => new Uint8Array(count).fill(byte),
        uuid: () => randomUUID(),
      }
      if (byte >= 248) {
        assert.throws(() => mintNativeToken(source, LK_LIVE), /not random enough/)
        refused++
        continue
      }
      const digit = mintNativeToken(source, LK_LIVE).hint.slice(-1)
      from.set(digit, (from.get(digit) ?? 0) + 1)
    }
    assert.equal(refused, 8)
    assert.deepEqual([...from.keys()].sort(), [...BASE62].sort())
    assert.deepEqual(new Set(from.values()), new Set([4]))
  })

  test('uses every random byte once, and draws more when some are thrown away', () => {
    const draws = [new Uint8Array(48).fill(255), Uint8Array.from({ length: 48 }, (_, index) => index)]
    const source: Randomness = { bytes: () => draws.shift() ?? new Uint8Array(48), uuid: () => randomUUID() }
    const { token: text } = mintNativeToken(source, LK_LIVE)
    assert.equal(text.slice('lk_live_'.length, -6), BASE62.slice(0, 35))
  })

  test('is never minted with a prefix that would not be accepted', () => {
    for (const prefix of ['', 'LK', 'l_k', 'l-k', 'a'.repeat(KEYSPACE_PART_LENGTH_MAX + 1), 'lé']) {
      assert.throws(() => mintNativeToken(RANDOM, { prefix, environment: 'live' }), /not a good prefix/)
      assert.throws(() => mintNativeToken(RANDOM, { prefix: 'lk', environment: prefix }), /not a good prefix/)
    }
  })
})

describe('isNativeToken', () => {
  test('refuses every token with one character changed, whichever and wherever', () => {
    fc.assert(
      fc.property(
        token,
        fc.nat(),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (text, place, to) => {
          const at = place % text.length
          fc.pre(text[at] !== to)
          assert.ok(!isNativeToken(changed(text, at, to)))
        },
      ),
      { numRuns: 2_000 },
    )
    const { token: text } = mintNativeToken(RANDOM, LK_LIVE)
    for (let at = 0; at < text.length; at++) {
      for (const to of `${BASE62}_`) {
        if (text[at] !== to) assert.ok(!isNativeToken(changed(text, at, to)), `${at} ${to}`)
      }
    }
  })

  test('refuses every token in which two different neighbours changed places', () => {
    const refusesAll = (text: string): void => {
      for (let at = 0; at + 1 < text.length; at++) {
        const [first = '', second = ''] = [text[at], text[at + 1]]
        if (first === second) continue
        assert.ok(!isNativeToken(text.slice(0, at) + second + first + text.slice(at + 2)), `${text} ${at}`)
      }
    }
    fc.assert(fc.property(token, refusesAll))
  })

  test('refuses such a token also where the secret meets the checksum, for every token that there could be', () => {
    // The last character of the secret and the first of the checksum, the digits 0 to 4 because 5 * 62^5 > 2^32. Their
    // swap passes only if, for some checksum c, c XOR d = c + k: then the lowest bits of d and k must be the same.
    const lowestBit = (number: bigint): bigint => number & -number
    const crcOf = (text: string): bigint => BigInt(crc32(text))
    for (const first of '01234') {
      for (const second of '01234') {
        if (first === second) continue
        const difference = crcOf(`lk_live_${first}`) ^ crcOf(`lk_live_${second}`)
        const step = (BigInt(first) - BigInt(second)) * 62n ** 5n
        assert.notEqual(lowestBit(difference), lowestBit(step))
      }
    }
  })

  test('refuses everything within four neighbouring characters of the secret', () => {
    fc.assert(
      fc.property(token, fc.nat({ max: 30 }), fc.stringMatching(/^[0-9A-Za-z]{4}$/), (text, place, four) => {
        const at = text.length - NATIVE_TAIL_LENGTH + place
        fc.pre(text.slice(at, at + 4) !== four)
        assert.ok(!isNativeToken(text.slice(0, at) + four + text.slice(at + 4)))
      }),
    )
  })

  test('knows one spelling only: no other case, space, padding or end', () => {
    const { token: text } = mintNativeToken(RANDOM, LK_LIVE)
    const others = [
      ` ${text}`,
      `${text} `,
      `${text}\n`,
      `${text}=`,
      `${text}\u0000`,
      text.toUpperCase(),
      text.toLowerCase(),
      text.replace('lk_', 'LK_'),
      text.replace('lk_live_', 'lk-live-'),
      text.slice(0, -1),
      text.slice(1),
      `_${text}`,
      `x_${text}`,
      text.normalize('NFD').replace('l', '\uff4c'),
      `Bearer ${text}`,
      '',
    ].filter((other) => other !== text)
    for (const other of others) assert.ok(!isNativeToken(other), JSON.stringify(other))
  })

  test('takes neither empty nor long prefixes, nor more than two parts before the rest, with a right checksum', () => {
    const end = (body: string): string => {
      let rest = crc32(body)
      let digits = ''
      for (let count = 0; count < 6; count++) {
        digits = BASE62.charAt(rest % 62) + digits
        rest = Math.floor(rest / 62)
      }
      return body + digits
    }
    const tail = 'x'.repeat(35)
    assert.ok(isNativeToken(end(`a_b_${tail}`)))
    assert.ok(isNativeToken(end(`${'a'.repeat(16)}_${'9'.repeat(16)}_${tail}`)))
    const heads = [
      '_b_',
      'a__',
      '__',
      'a_b_c_',
      'ab_',
      `${'a'.repeat(17)}_b_`,
      `a_${'b'.repeat(17)}_`,
      'A_b_',
      'é_b_',
    ]
    for (const head of heads) assert.ok(!isNativeToken(end(head + tail)), head)
    for (const odd of ['x'.repeat(34), 'x'.repeat(36), `${'x'.repeat(34)}_`, `${'x'.repeat(34)}-`]) {
      assert.ok(!isNativeToken(end(`a_b_${odd}`)), odd)
    }
  })

  test('refuses any other text without failing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => assert.ok(!isNativeToken(text))),
      { numRuns: 2_000 },
    )
    assert.ok(!isNativeToken('x'.repeat(1_000_000)))
  })
})
