import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { KuzzleError } from './kuzzle-errors.ts'
import { type KuzzleRequest, type Protocol, parseRequest } from './request.ts'

function read(message: JsonObject, protocol: Protocol = 'websocket'): KuzzleRequest {
  return parseRequest(message, 'generated', { protocol, local: false, headers: {} })
}

function refused(id: string, ...props: readonly unknown[]) {
  return (error: unknown) => {
    assert.ok(error instanceof KuzzleError)
    assert.equal(error.id, id)
    if (props.length > 0) assert.deepEqual(error.props, props)
    return true
  }
}

/** Values that an argument may turn out to be. */
const HOSTILE: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  'x'.repeat(100_000),
  '__proto__',
  '\u0000\ud800',
  [],
  [null],
  {},
  { toString: 1, toJSON: 2, __proto__: null },
]

describe('a request', () => {
  it('takes every member without a meaning of its own for an argument', () => {
    const request = read({ controller: 'c', action: 'a', _id: 'k', '': 'odd', requestId: 'r' })
    assert.deepEqual([...request.args.keys()], ['_id', ''])
    assert.equal(request.requestId, 'r')
  })

  it('gets an id when it has none', () => {
    assert.equal(read({}).requestId, 'generated')
    assert.equal(read({ requestId: '' }).requestId, 'generated')
  })

  it('tells an empty token from none', () => {
    assert.equal(read({ jwt: '' }).jwt, '')
    assert.equal(read({ jwt: null }).jwt, undefined)
  })

  it('with a member of the wrong type is refused without an id', () => {
    const wrong: readonly (readonly [JsonObject, string])[] = [
      [{ controller: 1 }, 'Attribute controller must be of type "string"'],
      [{ action: [] }, 'Attribute action must be of type "string"'],
      [{ requestId: 7 }, 'Attribute requestId must be of type "string"'],
      [{ jwt: {} }, 'Attribute jwt must be of type "string"'],
      [{ volatile: [] }, 'Attribute volatile must be of type "object"'],
      [{ body: 'x' }, 'Attribute body must be of type "object" or "array"'],
    ]
    for (const [message, text] of wrong) {
      assert.throws(() => read(message), { name: 'KuzzleError', id: undefined, status: 400, message: text })
    }
  })

  it('does not take inherited members for its own', () => {
    const request = read(JSON.parse('{"__proto__":{"controller":"x","body":{"ids":["a"]}},"body":{}}'))
    assert.equal(request.controller, undefined)
    assert.throws(
      () => request.bodyString('toString'),
      refused('api.assert.missing_argument', 'body.toString'),
    )
  })
})

describe('a text argument', () => {
  it('must be there and be text; it may be empty', () => {
    assert.equal(read({ userId: '' }).string('userId'), '')
    assert.throws(() => read({}).string('userId'), refused('api.assert.missing_argument', 'userId'))
    for (const value of [null, 1, true, [], {}]) {
      assert.throws(
        () => read({ userId: value }).string('userId'),
        refused('api.assert.invalid_type', 'userId', 'string'),
      )
    }
  })
})

describe('a whole number', () => {
  it('may be text', () => {
    for (const value of [5, '5', '+5', '005']) assert.equal(read({ from: value }).integer('from', 0), 5)
    assert.equal(read({}).integer('from', 7), 7)
    assert.equal(read({ from: '-3' }).integer('from', 0), -3)
  })

  it('is nothing else', () => {
    for (const value of [
      null,
      true,
      'x',
      '',
      ' 5',
      '1.5',
      '1e3',
      '0x10',
      1.5,
      1e300,
      '9'.repeat(40),
      [],
      {},
    ]) {
      assert.throws(
        () => read({ from: value }).integer('from', 0),
        refused('api.assert.invalid_type', 'from', 'integer'),
      )
    }
  })
})

describe('a switch', () => {
  it('is a boolean over WebSocket and MQTT', () => {
    for (const protocol of ['websocket', 'mqtt'] as const) {
      assert.equal(read({}, protocol).boolean('reset'), false)
      assert.equal(read({ reset: true }, protocol).boolean('reset'), true)
      assert.equal(read({ reset: null }, protocol).boolean('reset'), false, 'the SDK sends `force: null`')
      for (const value of ['true', 1, {}]) {
        assert.throws(
          () => read({ reset: value }, protocol).boolean('reset'),
          refused('api.assert.invalid_type'),
        )
      }
    }
  })

  it('is on over HTTP when present, whatever its text', () => {
    for (const value of ['', 'true', '0', 'no']) {
      assert.equal(read({ reset: value }, 'http').boolean('reset'), true)
    }
    assert.equal(read({}, 'http').boolean('reset'), false)
  })

  it('is off when it says false (Kuzzle takes `?reset=false` and `reset: false` in `_query` for true)', () => {
    for (const value of [false, 'false', null]) {
      assert.equal(read({ reset: value }, 'http').boolean('reset'), false)
    }
  })
})

describe('`_id`', () => {
  it('counts as missing when empty, null or 0', () => {
    for (const value of ['', null, 0, false]) {
      assert.equal(read({ _id: value }).optionalId(), undefined)
      assert.throws(() => read({ _id: value }).id(), refused('api.assert.missing_argument', '_id'))
    }
  })

  it('is text', () => {
    assert.equal(read({ _id: 'null' }).id(), 'null')
    for (const value of [1, true, [], {}]) {
      assert.throws(
        () => read({ _id: value }).optionalId(),
        refused('api.assert.invalid_type', '_id', 'string'),
      )
    }
  })
})

describe('`refresh` and `lang`', () => {
  it('`refresh` is never refused', () => {
    for (const value of [false, 'false', null])
      assert.equal(read({ refresh: value }).refresh('wait_for'), 'false')
    for (const value of ['', true, 'anything', {}])
      assert.equal(read({ refresh: value }).refresh('false'), 'wait_for')
    assert.equal(read({}).refresh('false'), 'false')
  })

  it('`lang` is one of two languages', () => {
    assert.equal(read({}).lang(), 'elasticsearch')
    assert.equal(read({ lang: 'koncorde' }).lang(), 'koncorde')
    assert.throws(
      () => read({ lang: 'sql' }).lang(),
      refused('api.assert.invalid_argument', 'lang', '"elasticsearch" or "koncorde"'),
    )
    assert.throws(() => read({ lang: null }).lang(), refused('api.assert.invalid_type', 'lang', 'string'))
  })
})

describe('members of the body', () => {
  it('need a body', () => {
    assert.throws(() => read({}).bodyString('x'), refused('api.assert.body_required'))
    assert.throws(() => read({ body: null }).bodyObjectWhole(), refused('api.assert.body_required'))
    assert.equal(read({}).bodyString('x', 'd'), 'd')
  })

  it('are named with the body', () => {
    assert.throws(() => read({ body: {} }).bodyString('x'), refused('api.assert.missing_argument', 'body.x'))
    assert.throws(() => read({ body: [] }).bodyArray('x'), refused('api.assert.missing_argument', 'body.x'))
    assert.throws(
      () => read({ body: { x: null } }).bodyString('x'),
      refused('api.assert.invalid_type', 'body.x', 'string'),
    )
    assert.throws(
      () => read({ body: { x: [] } }).bodyObject('x'),
      refused('api.assert.invalid_type', 'body.x', 'object'),
    )
    assert.throws(
      () => read({ body: { x: {} } }).bodyArray('x'),
      refused('api.assert.invalid_type', 'body.x', 'array'),
    )
  })

  it('are answered as they are', () => {
    const request = read({ body: { s: '', o: { a: 1 }, a: [1], t: ['b'] } })
    assert.equal(request.bodyString('s'), '')
    assert.deepEqual(request.bodyObject('o'), { a: 1 })
    assert.deepEqual(request.bodyArray('a'), [1])
    assert.deepEqual(request.bodyStrings('t'), ['b'])
    assert.throws(() => request.bodyStrings('a'), refused('api.assert.invalid_type', 'body.a', 'string[]'))
  })
})

describe('`ids`', () => {
  it('come from the body, or as an argument: a list, or text with commas', () => {
    assert.deepEqual(read({ body: { ids: ['a'] }, ids: 'b' }).ids(), ['a'])
    assert.deepEqual(read({ ids: 'a,b' }).ids(), ['a', 'b'])
    assert.deepEqual(read({ ids: ['a', 'b'] }).ids(), ['a', 'b'])
  })

  it('may be a JSON array as text, over HTTP only', () => {
    assert.deepEqual(read({ ids: '["a,b"]' }, 'http').ids(), ['a,b'])
    assert.deepEqual(read({ ids: '["a,b"]' }).ids(), ['["a', 'b"]'])
    assert.deepEqual(read({ ids: '[a,b' }, 'http').ids(), ['[a', 'b'])
  })

  it('must be there and be texts', () => {
    assert.throws(() => read({}).ids(), refused('api.assert.missing_argument', 'ids'))
    assert.throws(() => read({ body: {} }).ids(), refused('api.assert.missing_argument', 'body.ids'))
    assert.throws(() => read({ ids: [1] }).ids(), refused('api.assert.invalid_type'))
    assert.throws(() => read({ ids: '[1]' }, 'http').ids(), refused('api.assert.invalid_type'))
  })
})

describe('every getter', () => {
  const GETTERS: Readonly<Record<string, (request: KuzzleRequest) => unknown>> = {
    string: (request) => request.string('x'),
    optionalString: (request) => request.optionalString('x'),
    integer: (request) => request.integer('x', 0),
    boolean: (request) => request.boolean('x'),
    id: (request) => request.id(),
    refresh: (request) => request.refresh('false'),
    lang: (request) => request.lang(),
    list: (request) => request.list('x'),
    ids: (request) => request.ids(),
    index: (request) => request.index,
    collection: (request) => request.collection,
    targets: (request) => request.targets,
    bodyObjectWhole: (request) => request.bodyObjectWhole(),
    bodyString: (request) => request.bodyString('x'),
    bodyObject: (request) => request.bodyObject('x'),
    bodyArray: (request) => request.bodyArray('x'),
    bodyStrings: (request) => request.bodyStrings('x'),
  }

  it('answers or refuses whatever it is given, and never fails otherwise', () => {
    const value = fc.oneof(fc.constantFrom(...HOSTILE), fc.jsonValue({ maxDepth: 3 }))
    const names = ['x', '_id', 'refresh', 'lang', 'ids', 'index', 'collection', 'targets'] as const
    fc.assert(
      fc.property(value, fc.constantFrom<Protocol>('http', 'websocket', 'mqtt'), (given, protocol) => {
        const args = Object.fromEntries(names.map((name) => [name, given as JsonValue]))
        const request = read({ ...args, body: { x: given as JsonValue, ids: given as JsonValue } }, protocol)
        for (const [name, getter] of Object.entries(GETTERS)) {
          try {
            getter(request)
          } catch (error) {
            assert.ok(error instanceof KuzzleError && error.status === 400, `${name}: ${error}`)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
