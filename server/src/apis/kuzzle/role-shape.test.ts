import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../core/json.ts'
import { parseRole } from './role-shape.ts'

const REFUSED: readonly (readonly [what: string, definition: JsonObject, id: string, message: string])[] = [
  ['no controllers', {}, 'api.assert.missing_argument', 'Missing argument "r.controllers".'],
  [
    'controllers that are null',
    { controllers: null },
    'api.assert.invalid_type',
    'Wrong type for argument "r.controllers" (expected: object)',
  ],
  [
    'controllers in a list',
    { controllers: [] },
    'api.assert.invalid_type',
    'Wrong type for argument "r.controllers" (expected: object)',
  ],
  [
    'no controller',
    { controllers: {} },
    'api.assert.empty_argument',
    'The argument "r.controllers" is empty.',
  ],
  [
    'a controller that is no object',
    { controllers: { auth: true } },
    'api.assert.invalid_type',
    'Wrong type for argument "auth" (expected: object)',
  ],
  [
    'an empty controller',
    { controllers: { auth: {} } },
    'api.assert.empty_argument',
    'The argument "auth" is empty.',
  ],
  [
    'a controller without actions',
    { controllers: { auth: { args: {} } } },
    'api.assert.missing_argument',
    'Missing argument "auth.actions".',
  ],
  [
    'actions that are no object',
    { controllers: { auth: { actions: 'login' } } },
    'api.assert.invalid_type',
    'Wrong type for argument "auth.actions" (expected: object)',
  ],
  [
    'no action',
    { controllers: { auth: { actions: {} } } },
    'api.assert.empty_argument',
    'The argument "auth.actions" is empty.',
  ],
  [
    'an action with a text for its value',
    { controllers: { auth: { actions: { login: 'true' } } } },
    'api.assert.invalid_type',
    'Wrong type for argument "auth.actions.login" (expected: boolean)',
  ],
  [
    'tags that are no texts',
    { controllers: { '*': { actions: { '*': true } } }, tags: [1] },
    'api.assert.invalid_type',
    'Wrong type for argument "r.tags" (expected: string[])',
  ],
]

describe('the shape of a role', () => {
  for (const [what, definition, id, message] of REFUSED) {
    it(`refuses ${what}, naming the member as Kuzzle does`, () => {
      assert.throws(() => parseRole('r', definition), { id, message, status: 400 })
    })
  }

  it('keeps rights, tags and the members of the client, and drops record metadata', () => {
    const role = parseRole('r', {
      controllers: { auth: { actions: { login: true, '*': false } } },
      tags: ['a'],
      note: { by: 'ops' },
      _kuzzle_info: { author: 'forged' },
    })
    assert.deepEqual(role, {
      controllers: { auth: { actions: { login: true, '*': false } } },
      tags: ['a'],
      content: { note: { by: 'ops' } },
    })
  })

  it('keeps a controller called __proto__ as a member of its own', () => {
    const definition = JSON.parse('{"controllers":{"__proto__":{"actions":{"x":true}}}}')
    const { controllers } = parseRole('r', definition)
    assert.deepEqual(Object.keys(controllers), ['__proto__'])
    assert.equal(Object.getPrototypeOf(controllers), Object.prototype)
  })
})
