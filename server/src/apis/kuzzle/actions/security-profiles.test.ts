import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { done, refused, ask } = await openSecurityClient({ documentsWriteCount: 3 })

const POLICIES = [{ roleId: 'default' }]

describe('profiles', () => {
  it('are created, read, merged, replaced and deleted', async () => {
    const body = { policies: POLICIES, rateLimit: 5, tags: ['a'], team: 'x' }
    const created = await ask('POST', '/profiles/p1/_create', body)
    const { _kuzzle_info, ...source } = created.body.result._source
    assert.deepEqual(source, body)
    assert.equal(_kuzzle_info.author, 'root')
    assert.deepEqual((await ask('GET', '/profiles/p1')).body.result, created.body.result)

    const updated = await ask('PUT', '/profiles/p1/_update', { policies: [{ roleId: 'admin' }], seen: true })
    const { _kuzzle_info: _info, ...merged } = updated.body.result._source
    assert.deepEqual(merged, { ...body, policies: [{ roleId: 'admin' }], seen: true })

    const replaced = await ask('PUT', '/profiles/p1', { policies: POLICIES })
    assert.equal(replaced.body.result._source.rateLimit, 0)
    assert.equal('team' in replaced.body.result._source, false)
    assert.deepEqual((await ask('DELETE', '/profiles/p1')).body.result, { _id: 'p1' })
    await refused(
      'getProfile',
      { _id: 'p1' },
      {
        status: 404,
        id: 'security.profile.not_found',
        message: 'Profile "p1" not found.',
      },
    )
  })

  it('get the role "default" when they name none', async () => {
    const { _source } = await done('createProfile', { _id: 'p2', body: { policies: [] } })
    assert.deepEqual(_source.policies, [{ roleId: 'default' }])
  })

  it('are refused in the words of Kuzzle', async () => {
    const body = { policies: POLICIES }
    await done('createOrReplaceProfile', { _id: 'p3', body })
    await refused(
      'createProfile',
      { _id: 'p3', body },
      {
        status: 400,
        id: 'services.storage.document_already_exists',
      },
    )
    for (const action of ['createProfile', 'createOrReplaceProfile']) {
      await refused(action, { body }, { status: 400, id: 'api.assert.missing_argument' })
      await refused(action, { _id: 'p3' }, { status: 400, id: 'api.assert.body_required' })
      await refused(
        action,
        { _id: 'p3', body: {} },
        {
          status: 400,
          id: 'api.assert.missing_argument',
          message: 'Missing argument "body.policies".',
        },
      )
      await refused(
        action,
        { _id: 'p3-new', body: { policies: [{ roleId: 'none' }] } },
        {
          status: 404,
          id: 'security.role.not_found',
        },
      )
      await refused(
        action,
        { _id: 'p3', body: { policies: [{ role: 'x', roleId: 'default' }] } },
        {
          status: 400,
          id: 'api.assert.unexpected_argument',
        },
      )
    }
    await refused(
      'updateProfile',
      { _id: 'none', body: { rateLimit: 1 } },
      {
        status: 404,
        id: 'security.profile.not_found',
      },
    )
    await refused(
      'updateProfile',
      { _id: 'p3', body: { policies: [{ roleId: 'none' }] } },
      {
        status: 404,
        id: 'security.role.not_found',
      },
    )
    await refused(
      'createOrReplaceProfile',
      { _id: 'anonymous', body },
      {
        status: 400,
        id: 'security.profile.missing_anonymous_role',
      },
    )
  })

  it('may be restricted to data that does not exist here, unless they are strict', async () => {
    const policies = [{ roleId: 'default', restrictedTo: [{ index: 'nyc', collections: ['taxi'] }] }]
    const { _source } = await done('createProfile', { _id: 'p4', body: { policies } })
    assert.deepEqual(_source.policies, policies)
    for (const action of ['createOrReplaceProfile', 'updateProfile']) {
      await refused(
        action,
        { _id: 'p4', strict: true, body: { policies } },
        {
          status: 412,
          id: 'services.storage.unknown_index',
          message: 'The index "nyc" does not exist.',
        },
      )
    }
    assert.equal(
      (await done('updateProfile', { _id: 'p4', strict: true, body: { policies: POLICIES } }))._id,
      'p4',
    )
  })

  it('are not deleted while protected or in use', async () => {
    for (const _id of ['admin', 'default', 'anonymous']) {
      await refused('deleteProfile', { _id }, { status: 400, id: 'security.profile.cannot_delete' })
    }
    await done('createProfile', { _id: 'p5', body: { policies: POLICIES } })
    await done('createUser', { _id: 'only-p5', body: { content: { profileIds: ['p5'] } } })
    await done('createUser', { _id: 'both', body: { content: { profileIds: ['p5', 'default'] } } })
    for (const args of [{ _id: 'p5' }, { _id: 'p5', onAssignedUsers: 'fail' }]) {
      await refused('deleteProfile', args, { status: 412, id: 'security.profile.in_use' })
    }
    await refused(
      'deleteProfile',
      { _id: 'p5', onAssignedUsers: 'maybe' },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
      },
    )
    await refused('deleteProfile', { _id: 'none' }, { status: 404, id: 'security.profile.not_found' })
  })

  it('are taken from their users first when asked, who then are anonymous rather than nothing', async () => {
    await done('createProfile', { _id: 'p6', body: { policies: POLICIES } })
    await done('createUser', { _id: 'only-p6', body: { content: { profileIds: ['p6'] } } })
    await done('createUser', { _id: 'p6-too', body: { content: { profileIds: ['p6', 'default'] } } })
    assert.equal((await ask('DELETE', '/profiles/p6?onAssignedUsers=remove')).status, 200)
    assert.deepEqual((await done('getUser', { _id: 'only-p6' }))._source.profileIds, ['anonymous'])
    assert.deepEqual((await done('getUser', { _id: 'p6-too' }))._source.profileIds, ['default'])
  })
})

describe('several profiles', () => {
  it('are read at once, or not at all when one is missing', async () => {
    const { hits } = await done('mGetProfiles', { body: { ids: ['default', 'admin'] } })
    assert.deepEqual(
      hits.map((hit: { _id: string }) => hit._id),
      ['default', 'admin'],
    )
    await refused(
      'mGetProfiles',
      { body: { ids: ['none'] } },
      { status: 404, id: 'security.profile.not_found' },
    )
    await refused('mGetProfiles', {}, { status: 400, id: 'api.assert.body_required' })
  })

  it('are deleted as far as possible', async () => {
    await done('createProfile', { _id: 'm1', body: { policies: POLICIES } })
    const answer = await ask('POST', '/profiles/_mDelete', { ids: ['m1', 'admin', 'none'] })
    assert.equal(answer.status, 206)
    assert.deepEqual(answer.body.result, ['m1'])
    assert.deepEqual(
      answer.body.error.errors.map((error: { id: string }) => error.id),
      ['security.profile.cannot_delete', 'security.profile.not_found'],
    )
  })
})
