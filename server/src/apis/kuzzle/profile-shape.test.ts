import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { firstRestriction, parseProfile, parseProfileChange } from './profile-shape.ts'

const restricted = (restrictedTo: JsonValue): JsonObject => ({ policies: [{ roleId: 'r', restrictedTo }] })

const REFUSED: readonly (readonly [what: string, definition: JsonObject, id: string, message: string])[] = [
  ['no policies', {}, 'api.assert.missing_argument', 'Missing argument "p.policies".'],
  [
    'policies that are no list',
    { policies: {} },
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies" (expected: object[])',
  ],
  [
    'a policy that is no object',
    { policies: ['r'] },
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies[0]" (expected: object)',
  ],
  [
    'a policy without role',
    { policies: [{ roleId: 'r' }, {}] },
    'api.assert.missing_argument',
    'Missing argument "p.policies[1].roleId".',
  ],
  [
    'a role that is no text',
    { policies: [{ roleId: 1 }] },
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies[0].roleId" (expected: string)',
  ],
  [
    'a policy with another member',
    { policies: [{ roleId: 'r', rateLimit: 1 }] },
    'api.assert.unexpected_argument',
    'Unexpected argument "p.policies[0].rateLimit" (accepted arguments: "roleId", "restrictedTo")',
  ],
  [
    'restrictions that are no list',
    restricted('i'),
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies[0].restrictedTo" (expected: object[])',
  ],
  [
    'a restriction that is no object',
    restricted(['i']),
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies[0].restrictedTo[0]" (expected: object)',
  ],
  [
    'a restriction without index',
    restricted([{ collections: ['c'] }]),
    'api.assert.missing_argument',
    'Missing argument "p.policies[0].restrictedTo[0].index".',
  ],
  [
    'a restriction with another member',
    restricted([{ index: 'i', collection: 'c' }]),
    'api.assert.unexpected_argument',
    'Unexpected argument "p.policies[0].restrictedTo[0].collection" (accepted arguments: "index", "collections")',
  ],
  [
    'collections that are no list of texts',
    restricted([{ index: 'i', collections: 'c' }]),
    'api.assert.invalid_type',
    'Wrong type for argument "p.policies[0].restrictedTo[0].collections" (expected: string[])',
  ],
  [
    'a rate limit that is no whole number',
    { policies: [], rateLimit: 1.5 },
    'api.assert.invalid_type',
    'Wrong type for argument "p.rateLimit" (expected: integer)',
  ],
  [
    'a negative rate limit',
    { policies: [], rateLimit: -1 },
    'api.assert.invalid_argument',
    'Invalid argument "p.rateLimit". Expected: positive integer, or zero',
  ],
]

describe('the shape of a profile', () => {
  for (const [what, definition, id, message] of REFUSED) {
    it(`refuses ${what}, naming the member as Kuzzle does`, () => {
      assert.throws(() => parseProfile('p', definition), { id, message, status: 400 })
    })
  }

  it('gives a profile without policies the role "default"', () => {
    assert.deepEqual(parseProfile('p', { policies: [] }).policies, [{ roleId: 'default' }])
  })

  it('takes empty restrictions and empty collections as no restriction', () => {
    assert.deepEqual(parseProfile('p', restricted([])).policies, [{ roleId: 'r' }])
    assert.deepEqual(parseProfile('p', restricted([{ index: 'i', collections: [] }])).policies, [
      { roleId: 'r', restrictedTo: [{ index: 'i' }] },
    ])
  })

  it('keeps policies, limit, tags and own members, and drops what servers write', () => {
    const profile = parseProfile('p', {
      policies: [{ roleId: 'r', restrictedTo: [{ index: 'i', collections: ['c'] }] }],
      rateLimit: 5,
      tags: ['t'],
      team: 'x',
      optimizedPolicies: [],
      _kuzzle_info: {},
    })
    assert.deepEqual(profile, {
      policies: [{ roleId: 'r', restrictedTo: [{ index: 'i', collections: ['c'] }] }],
      rateLimit: 5,
      tags: ['t'],
      content: { team: 'x' },
    })
  })

  it('reads of a change only what it names', () => {
    assert.deepEqual(parseProfileChange('p', { rateLimit: 3 }), { rateLimit: 3, content: {} })
  })

  it('finds the first restriction among all policies', () => {
    const policies = parseProfile('p', {
      policies: [{ roleId: 'a' }, { roleId: 'b', restrictedTo: [{ index: 'i' }, { index: 'j' }] }],
    }).policies
    assert.deepEqual(firstRestriction(policies), { index: 'i' })
    assert.equal(firstRestriction([]), undefined)
  })
})
