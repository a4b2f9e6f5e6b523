import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import type { UserId } from '../ids.ts'
import { DETECTOR_FORMATS, type DetectorFormat, printDetectors } from './detectors.ts'
import { printKeyToken } from './key-token.ts'
import { mintNativeToken } from './native-token.ts'

const KEYSPACES = {
  default: { prefix: 'lk', environment: 'live' },
  'test.1': { prefix: 'acme', environment: 'test' },
}
const RANDOM = { bytes: (count: number) => randomBytes(count), uuid: () => randomUUID() }

function mintNative(name: keyof typeof KEYSPACES): string {
  return mintNativeToken(RANDOM, KEYSPACES[name]).token
}

function mintKuzzle(algorithm: 'HS256' | 'HS384' | 'HS512' = 'HS256'): string {
  const claims = {
    family: 'key',
    owner: 'bob' as UserId,
    issuedAt: 1_700_000_000_000,
    random: randomBytes(20),
  } as const
  return printKeyToken(claims, { algorithm, secret: 'of the tests' })
}

type Rule = {
  readonly name: string
  readonly regexp: RegExp
  readonly keyword?: string
  readonly entropy?: number
}

/** The rules as a scanner would read them; the secret is the first group. */
const READERS: Readonly<Record<DetectorFormat, (text: string) => readonly Rule[]>> = {
  gitleaks: (text) =>
    text
      .split('[[rules]]')
      .slice(1)
      .map((rule) => {
        const field = (pattern: RegExp): string => pattern.exec(rule)?.[1] ?? ''
        assert.equal(field(/^secretGroup = (.*)$/m), '1')
        return {
          name: field(/^id = "(.*)"$/m),
          regexp: new RegExp(field(/^regex = '''(.*)'''$/m), 'g'),
          keyword: field(/^keywords = \["(.*)"\]$/m),
          entropy: Number(field(/^entropy = (.*)$/m)),
        }
      }),
  trufflehog: (text) => {
    const config: {
      readonly detectors: readonly {
        readonly name: string
        readonly keywords: readonly string[]
        readonly regex: { readonly token: string }
        readonly entropy: number
      }[]
    } = parse(text)
    return config.detectors.map(({ name, keywords, regex, entropy }) => ({
      name,
      regexp: new RegExp(regex.token, 'g'),
      keyword: keywords.join(),
      entropy,
    }))
  },
  github: (text) =>
    text
      .split('\n\n')
      .slice(1)
      .map((pattern) => {
        const field = (name: string): string => new RegExp(`^${name}: +(.*)$`, 'm').exec(pattern)?.[1] ?? ''
        const before = field('Before secret').replace('\\A', '^')
        const after = field('After secret').replace('\\z', '$')
        return {
          name: field('Pattern name').split(' ')[0] ?? '',
          regexp: new RegExp(`(?<=${before})(${field('Secret format')})(?=${after})`, 'g'),
        }
      }),
}

function rulesOf(format: DetectorFormat): readonly Rule[] {
  return READERS[format](printDetectors(KEYSPACES, format))
}

function found(format: DetectorFormat, text: string): readonly (readonly [string, string])[] {
  return rulesOf(format).flatMap(({ name, regexp }) =>
    [...text.matchAll(regexp)].map((match): readonly [string, string] => [name, match[1] ?? '']),
  )
}

function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

for (const format of DETECTOR_FORMATS) {
  describe(`rules for ${format}`, () => {
    test('are one for each keyspace and one for tokens of the form of Kuzzle', () => {
      assert.deepEqual(
        rulesOf(format).map(({ name }) => name),
        ['latchkey-default', 'latchkey-test.1', 'latchkey-kuzzle'],
      )
    })

    test('find every token exactly, wherever it stands, also next to another', () => {
      for (let count = 0; count < 50; count++) {
        const [live, sandbox, kuzzle] = [mintNative('default'), mintNative('test.1'), mintKuzzle()]
        for (const text of [
          live,
          `LATCHKEY_KEY=${live}`,
          `{"key":"${live}"}`,
          `curl -H 'Authorization: Bearer ${live}' https://example.com/?a=1`,
          `https://bob:${live}@example.com/`,
        ]) {
          assert.deepEqual(found(format, text), [['latchkey-default', live]], text)
        }
        assert.deepEqual(found(format, `${live},${live}`).length, 2)
        assert.deepEqual(found(format, `a: ${sandbox}\nb: ${live}\nc: "${kuzzle}"\n`), [
          ['latchkey-default', live],
          ['latchkey-test.1', sandbox],
          ['latchkey-kuzzle', kuzzle],
        ])
      }
    })

    test('find tokens of the form of Kuzzle with every signature', () => {
      for (const algorithm of ['HS256', 'HS384', 'HS512'] as const) {
        const token = mintKuzzle(algorithm)
        assert.deepEqual(found(format, `token=${token};`), [['latchkey-kuzzle', token]])
      }
    })

    test('find nothing in what is longer, shorter, or of others', () => {
      const live = mintNative('default')
      const others = [
        `${live}x`,
        `x${live}`,
        live.slice(0, -1),
        live.replace('_live_', '_dev_'),
        live.toUpperCase(),
        mintKuzzle().replace('kapikey-', 'kauth-'),
        `ghp_${'a1B2'.repeat(9)}`,
        'lk_live_is_the_prefix_of_our_keys_and_this_is_only_a_long_name_of_a_variable',
      ]
      for (const text of others) assert.deepEqual(found(format, text), [], text)
      const rules = rulesOf(format)
      fc.assert(
        fc.property(fc.string({ maxLength: 500 }), (text) => {
          assert.ok(rules.every(({ regexp }) => [...text.matchAll(regexp)].length === 0))
        }),
      )
    })

    if (format !== 'github') {
      test('name a keyword that every token has, and no more entropy than every token has', () => {
        const tokens = { 'latchkey-default': mintNative('default'), 'latchkey-test.1': mintNative('test.1') }
        for (const { name, keyword = '', entropy = 0 } of rulesOf(format)) {
          const token = new Map(Object.entries(tokens)).get(name) ?? mintKuzzle()
          assert.equal(keyword, keyword.toLowerCase())
          assert.ok(keyword !== '' && token.includes(keyword))
          assert.ok(entropy >= 3 && entropyOf(token) > entropy)
          assert.ok(entropyOf(`lk_live_${'x'.repeat(41)}`) < entropy)
        }
      })
    }
  })
}
