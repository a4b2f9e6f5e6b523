import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { done, refused, ask } = await openSecurityClient()

describe('mappings', () => {
  it('list what can be searched, without the record metadata', async () => {
    assert.deepEqual((await ask('GET', '/users/_mapping')).body.result, {
      mapping: { profileIds: { type: 'keyword' } },
    })
    const { mapping } = (await ask('GET', '/profiles/_mapping')).body.result
    assert.deepEqual(Object.keys(mapping).toSorted(), ['policies', 'tags'])
    assert.deepEqual((await ask('GET', '/roles/_mapping')).body.result.mapping.tags, { type: 'keyword' })
  })

  it('make members searchable, also of users that exist already', async () => {
    await done('createUser', { _id: 'early', body: { content: { profileIds: ['default'], city: 'Oslo' } } })
    const search = { body: { query: { term: { city: 'Oslo' } } } }
    assert.equal((await done('searchUsers', search)).total, 0)
    const answer = await ask('PUT', '/users/_mapping', {
      properties: { city: { type: 'keyword', store: true } },
    })
    assert.deepEqual(answer.body.result, {
      dynamic: 'false',
      _meta: {},
      properties: { profileIds: { type: 'keyword' }, city: { type: 'keyword' } },
    })
    assert.equal((await done('searchUsers', search)).total, 1)
    assert.deepEqual((await done('getUserMapping')).mapping.city, { type: 'keyword' })
    for (const [action, path] of [
      ['getProfileMapping', '/profiles/_mapping'],
      ['getRoleMapping', '/roles/_mapping'],
    ] as const) {
      assert.equal((await ask('PUT', path, { properties: { note: { type: 'text' } } })).status, 200)
      assert.deepEqual((await done(action)).mapping.note, { type: 'text' })
    }
  })

  it('refuse to change a type, types that cannot be searched, and no body', async () => {
    const bad = { status: 400, id: 'services.storage.unexpected_bad_request' }
    await refused('updateUserMapping', { body: { properties: { profileIds: { type: 'long' } } } }, bad)
    await refused('updateUserMapping', { body: { properties: { place: { type: 'geo_point' } } } }, bad)
    await refused('updateUserMapping', {}, { status: 400, id: 'api.assert.body_required' })
  })
})

describe('security:refresh', () => {
  it('has nothing to do for users, profiles and roles', async () => {
    for (const collection of ['users', 'profiles', 'roles']) {
      const answer = await ask('POST', `/_security/${collection}/_refresh`)
      assert.equal(answer.status, 200)
      assert.equal(answer.body.result, null)
      assert.equal(answer.body.collection, collection)
    }
  })

  it('refuses other collections, that of API keys too', async () => {
    await refused(
      'refresh',
      { collection: 'api-keys' },
      {
        status: 400,
        id: 'api.assert.unexpected_argument',
        message: `Unexpected argument "api-keys" (accepted arguments: [ 'users', 'profiles', 'roles' ])`,
      },
    )
    await refused('refresh', {}, { status: 400, id: 'api.assert.missing_argument' })
  })
})
