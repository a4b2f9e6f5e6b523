import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from './problem.ts'
import { BATCH_KEYS_MAX, bareKey, parseVerifyBatch, parseVerifyRequest } from './verify-request.ts'

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1')

function problemOf(read: () => unknown): Problem {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return error
  }
  return assert.fail('it was accepted')
}

const pointersOf = (read: () => unknown) => problemOf(read).errors.map(({ pointer }) => pointer)

describe('the short way', () => {
  const json = fc.oneof(
    fc.record({ key: fc.stringMatching(/^[\w.-]{1,60}$/) }).map((value) => JSON.stringify(value)),
    fc
      .record({ key: fc.string(), cost: fc.nat() }, { requiredKeys: [] })
      .map((value) => JSON.stringify(value)),
    fc
      .tuple(fc.constantFrom(' ', '\n', '', '\t', '\v', '\xa0'), fc.string(), fc.constantFrom(' ', '', ','))
      .map(([blank, key, end]) => `{${blank}"key":${blank}"${key}"${end}}`),
    fc.string(),
    fc.json(),
  )

  test('takes a body for a bare key only when parsing it as JSON gives exactly that', () => {
    fc.assert(
      fc.property(json, (text) => {
        const key = bareKey(text)
        if (key !== undefined) assert.deepEqual(JSON.parse(text), { key })
      }),
      { numRuns: 2_000 },
    )
  })

  test('is what most clients get', () => {
    assert.equal(bareKey('{"key":"lk_live_abc"}'), 'lk_live_abc')
    assert.equal(bareKey('{\n  "key": "kapikey-a.b-c.d_e"\n}\n'), 'kapikey-a.b-c.d_e')
  })

  test('is not taken with anything else, and then the answer is the same', () => {
    for (const text of ['{"key":"a\\u0062"}', '{"key":"a","key":"b"}', '{"key":"a b"}', '{"key":"é"}'])
      assert.equal(bareKey(bytesOf(text)), undefined, text)
    assert.equal(parseVerifyRequest('{"key":"a\\u0062"}').key, 'ab')
    assert.equal(parseVerifyRequest(bytesOf('{"key":"é"}')).key, 'é')
  })
})

describe('a question about one key', () => {
  test('may have all members', () => {
    const body = {
      key: 'k',
      permissions: ['a:b', 'c:d OR e:f'],
      cost: 3,
      ip: '2001:db8::1',
      resource: 'invoice 7',
      certificate: 'thumbprint',
      dpop: { proof: 'p', method: 'GET', url: 'https://a' },
      limits: ['burst'],
      explain: true,
    }
    const { check, ...rest } = parseVerifyRequest(JSON.stringify(body))
    assert.deepEqual(rest, { key: 'k', explains: true, resource: 'invoice 7' })
    assert.equal(check.cost, 3)
    assert.equal(check.address, '2001:db8::1')
    assert.deepEqual(check.shown, { x5tS256: 'thumbprint', dpop: body.dpop })
    assert.deepEqual(check.limits, ['burst'])
    assert.equal(check.permissions?.kind, 'and')
  })

  test('is refused member by member', () => {
    const wrong: Readonly<Record<string, unknown>> = {
      key: [undefined, 3, null, true, ['k'], {}],
      permissions: [3, [3], {}],
      cost: [-1, 1.5, '1', 1e10, null],
      ip: [7, null, ['1.2.3.4'], {}],
      certificate: [3, null, ['x'], {}],
      dpop: ['x', null, ['x'], 1],
      resource: [3, 'x'.repeat(1_001)],
      limits: ['burst', [1], Array.from({ length: 41 }, () => 'x')],
      explain: ['yes', 1, null],
    }
    for (const [name, values] of Object.entries(wrong)) {
      assert.ok(Array.isArray(values))
      for (const value of values) {
        const body = JSON.stringify({ key: 'k', [name]: value })
        assert.deepEqual(
          pointersOf(() => parseVerifyRequest(body)),
          [`/${name}`],
          body,
        )
      }
    }
  })

  test('is refused for every member that is wrong of what the client showed', () => {
    const good = { proof: 'p', method: 'GET', url: 'https://a' }
    for (const name of Object.keys(good)) {
      for (const value of [undefined, 1, null, ['x']]) {
        const body = JSON.stringify({ key: 'k', dpop: { ...good, [name]: value } })
        assert.deepEqual(
          pointersOf(() => parseVerifyRequest(body)),
          [`/dpop/${name}`],
        )
      }
    }
    const body = JSON.stringify({ key: 'k', dpop: { ...good, htu: 'https://a' } })
    assert.deepEqual(
      pointersOf(() => parseVerifyRequest(body)),
      ['/dpop/htu'],
    )
  })

  test('with a misspelt member is refused, because a restriction that is not understood must not be dropped', () => {
    const { errors } = problemOf(() => parseVerifyRequest('{"key":"k","permission":"a:b","x~/y":1}'))
    assert.deepEqual(
      errors.map(({ pointer, suggestion }) => [pointer, suggestion]),
      [
        ['/permission', 'permissions'],
        ['/x~0~1y', undefined],
      ],
    )
    assert.deepEqual(
      pointersOf(() => parseVerifyRequest('{"key":"k","__proto__":{}}')),
      ['/__proto__'],
    )
  })

  test('with permissions that cannot be read is refused', () => {
    const one = problemOf(() => parseVerifyRequest('{"key":"k","permissions":"a:*"}'))
    assert.deepEqual([one.code, one.errors[0]?.pointer], ['policy.invalid', '/permissions'])
    const many = pointersOf(() => parseVerifyBatch('{"keys":["k",{"key":"k","permissions":"a:*"}]}'))
    assert.deepEqual(many, ['/keys/1/permissions'])
  })

  test('is refused when it is no JSON object, without a word of what it holds', () => {
    for (const body of ['', '{', '{"key":"secret"', '{"key":\'secret\'}', '\xff\xfe']) {
      const problem = problemOf(() => parseVerifyRequest(body))
      assert.equal(problem.code, 'request.malformed_body')
      assert.doesNotMatch(problem.message, /secret/)
    }
    for (const body of ['null', '[]', '"k"', '1'])
      assert.equal(problemOf(() => parseVerifyRequest(body)).code, 'request.invalid')
  })

  test('nested deeper than anything sensible is refused, and does no harm', () => {
    assert.throws(() => parseVerifyRequest(`{"key":${'['.repeat(50_000)}${']'.repeat(50_000)}}`), Problem)
  })
})

describe('what clients of the service choose', () => {
  test('may be any text as a key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        assert.equal(parseVerifyRequest(bytesOf(JSON.stringify({ key }))).key, key)
        assert.deepEqual(
          parseVerifyBatch(bytesOf(JSON.stringify({ keys: [key, { key }] }))).map((asked) => asked.key),
          [key, key],
        )
      }),
    )
    for (const key of ['', 'x'.repeat(8_193), ' '.repeat(100_000)])
      assert.equal(parseVerifyRequest(JSON.stringify({ key })).key, key)
  })

  test('is an unknown address when it is none', () => {
    for (const ip of [
      '',
      'here',
      '1.2.3',
      '1.2.3.4/8',
      '1.2.3.4:80',
      '[::1]',
      'unknown',
      'x'.repeat(100_000),
    ])
      assert.equal('address' in parseVerifyRequest(JSON.stringify({ key: 'k', ip })).check, false, ip)
  })
})

describe('a batch', () => {
  test('has keys and questions', () => {
    const batch = parseVerifyBatch('{"keys":["a",{"key":"b","cost":0}]}')
    assert.deepEqual(
      batch.map(({ key, check }) => [key, check.cost]),
      [
        ['a', undefined],
        ['b', 0],
      ],
    )
  })

  test('names the place of what is wrong', () => {
    assert.deepEqual(
      pointersOf(() => parseVerifyBatch('{"keys":["a",{"key":"b","cost":-1}]}')),
      ['/keys/1/cost'],
    )
    assert.deepEqual(
      pointersOf(() => parseVerifyBatch('{"keys":["a",7]}')),
      ['/keys/1'],
    )
    assert.deepEqual(
      pointersOf(() => parseVerifyBatch('{"keys":[{"key":"a","explain":true}]}')),
      ['/keys/0/explain'],
    )
    assert.deepEqual(
      pointersOf(() => parseVerifyBatch('{"keys":["a"],"cost":1}')),
      ['/cost'],
    )
  })

  test('has at least one key and at most so many', () => {
    const batchOf = (count: number): string =>
      JSON.stringify({ keys: Array.from({ length: count }, () => 'k') })
    assert.equal(parseVerifyBatch(batchOf(BATCH_KEYS_MAX)).length, BATCH_KEYS_MAX)
    for (const count of [0, BATCH_KEYS_MAX + 1])
      assert.deepEqual(
        pointersOf(() => parseVerifyBatch(batchOf(count))),
        ['/keys'],
      )
  })
})
