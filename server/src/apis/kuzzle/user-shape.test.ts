import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCredentials, parseUser, parseUserWithoutProfiles, parseUserWithProfiles } from './user-shape.ts'

describe('the shape of a user', () => {
  it('separates profiles from the own members, and drops record metadata', () => {
    assert.deepEqual(
      parseUser('body', { profileIds: ['a', 'b'], name: 'x', _kuzzle_info: { author: 'forged' } }),
      {
        content: { name: 'x' },
        profileIds: ['a', 'b'],
      },
    )
    assert.deepEqual(parseUser('body', { name: 'x' }), { content: { name: 'x' } })
  })

  it('refuses missing profiles, and profiles that are no list of texts', () => {
    assert.throws(() => parseUserWithProfiles('body.content', {}), {
      id: 'api.assert.missing_argument',
      message: 'Missing argument "body.content.profileIds".',
    })
    assert.throws(() => parseUserWithProfiles('body.content', { profileIds: 'a' }), {
      id: 'api.assert.invalid_type',
      message: 'Wrong type for argument "body.content.profileIds" (expected: array)',
    })
    assert.throws(() => parseUser('body', { profileIds: ['a', 1] }), {
      id: 'api.assert.invalid_type',
      message: 'Wrong type for argument "body.profileIds" (expected: string[])',
    })
  })

  it('refuses profiles where the client may not choose them', () => {
    assert.deepEqual(parseUserWithoutProfiles('body.content', { name: 'x' }), { name: 'x' })
    assert.throws(() => parseUserWithoutProfiles('body.content', { profileIds: ['admin'] }), {
      id: 'api.assert.forbidden_argument',
      message: 'The argument "body.content.profileIds" is not allowed by this API action.',
    })
  })

  it('refuses credentials that are no object', () => {
    assert.deepEqual(parseCredentials('body.credentials', { local: { username: 'a' } }), {
      local: { username: 'a' },
    })
    assert.throws(() => parseCredentials('body.credentials', { local: 'secret' }), {
      id: 'api.assert.invalid_type',
      message: 'Wrong type for argument "body.credentials.local" (expected: object)',
    })
  })
})
