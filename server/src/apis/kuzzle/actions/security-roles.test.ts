import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { done, refused, ask } = await openSecurityClient({ documentsWriteCount: 3 })

const CONTROLLERS = { auth: { actions: { login: true, checkToken: true } } }

describe('roles', () => {
  it('are created, read, replaced and deleted', async () => {
    const created = await ask('POST', '/roles/r1/_create', { controllers: CONTROLLERS, tags: ['a'], note: 1 })
    assert.equal(created.body.result._id, 'r1')
    const { _kuzzle_info, ...source } = created.body.result._source
    assert.deepEqual(source, { controllers: CONTROLLERS, tags: ['a'], note: 1 })
    assert.equal(_kuzzle_info.author, 'root')
    assert.deepEqual((await ask('GET', '/roles/r1')).body.result, created.body.result)

    const other = { '*': { actions: { '*': true } } }
    const updated = await ask('PUT', '/roles/r1/_update', { controllers: other })
    assert.deepEqual(updated.body.result._source.controllers, other)
    assert.equal('tags' in updated.body.result._source, false, 'an update replaces the whole role')
    assert.equal('note' in updated.body.result._source, false)

    const replaced = await ask('PUT', '/roles/r1', { controllers: CONTROLLERS })
    assert.deepEqual(replaced.body.result._source.controllers, CONTROLLERS)
    assert.deepEqual((await ask('DELETE', '/roles/r1')).body.result, { _id: 'r1' })
    await refused('getRole', { _id: 'r1' }, { status: 404, id: 'security.role.not_found' })
  })

  it('are created by createOrReplaceRole when there is none', async () => {
    assert.equal(
      (await done('createOrReplaceRole', { _id: 'r2', body: { controllers: CONTROLLERS } }))._id,
      'r2',
    )
  })

  it('may name controllers that this server does not know only when forced', async () => {
    const body = { controllers: { 'my-plugin/files': { actions: { read: true } } } }
    await refused(
      'createRole',
      { _id: 'r3', force: null, body },
      { status: 400, id: 'security.role.unknown_controller' },
    )
    assert.equal((await done('createRole', { _id: 'r3', force: true, body }))._id, 'r3')
    assert.equal((await ask('PUT', '/roles/r3/_update?force=true', body)).status, 200)
    assert.equal((await ask('PUT', '/roles/r3/_update?force=false', body)).status, 400)
  })

  it('may name all of Kuzzle’s native controllers, but no action that they do not have', async () => {
    const body = { controllers: { document: { actions: { get: true, delete: true } } } }
    await done('createRole', { _id: 'r4', body })
    const wrong = { controllers: { document: { actions: { fly: true } } } }
    for (const force of [false, true]) {
      await refused(
        'updateRole',
        { _id: 'r4', force, body: wrong },
        { status: 400, id: 'security.role.unknown_action' },
      )
    }
  })

  it('are refused in the words of Kuzzle', async () => {
    const body = { controllers: CONTROLLERS }
    await done('createOrReplaceRole', { _id: 'r5', body })
    await refused(
      'createRole',
      { _id: 'r5', body },
      {
        status: 400,
        id: 'services.storage.document_already_exists',
      },
    )
    for (const action of ['createRole', 'createOrReplaceRole', 'updateRole']) {
      await refused(action, { body }, { status: 400, id: 'api.assert.missing_argument' })
      await refused(action, { _id: 'r5' }, { status: 400, id: 'api.assert.body_required' })
      await refused(
        action,
        { _id: 'r5', body: {} },
        {
          status: 400,
          id: 'api.assert.missing_argument',
          message: 'Missing argument "r5.controllers".',
        },
      )
      await refused(action, { _id: 'r5', force: 'yes', body }, { status: 400, id: 'api.assert.invalid_type' })
    }
    await refused(
      'updateRole',
      { _id: 'none', body },
      {
        status: 404,
        id: 'services.storage.not_found',
        message: 'Document "none" not found in "kuzzle":"roles".',
      },
    )
    await refused('deleteRole', { _id: 'none' }, { status: 404, id: 'security.role.not_found' })
    await refused(
      'createOrReplaceRole',
      { _id: 'anonymous', body: { controllers: { auth: { actions: { logout: true } } } } },
      {
        status: 400,
        id: 'security.role.login_required',
      },
    )
  })

  it('are not deleted while protected or in use', async () => {
    for (const _id of ['admin', 'default', 'anonymous']) {
      await refused('deleteRole', { _id }, { status: 400, id: 'security.role.cannot_delete' })
    }
    await done('createRole', { _id: 'used', body: { controllers: CONTROLLERS } })
    await done('createProfile', { _id: 'user-of-it', body: { policies: [{ roleId: 'used' }] } })
    await refused(
      'deleteRole',
      { _id: 'used' },
      {
        status: 412,
        id: 'security.role.in_use',
        message: 'The role "used" is still used and cannot be deleted.',
      },
    )
  })
})

describe('several roles', () => {
  it('are read at once, or not at all when one is missing', async () => {
    const { hits } = await done('mGetRoles', { body: { ids: ['admin', 'default'] } })
    assert.deepEqual(
      hits.map((hit: { _id: string }) => hit._id),
      ['admin', 'default'],
    )
    assert.equal((await ask('POST', '/roles/_mGet', { ids: ['admin'] })).body.result.hits.length, 1)
    await refused(
      'mGetRoles',
      { body: { ids: ['admin', 'none'] } },
      { status: 404, id: 'security.role.not_found' },
    )
    await refused('mGetRoles', {}, { status: 400, id: 'api.assert.body_required' })
    await refused('mGetRoles', { body: {} }, { status: 400, id: 'api.assert.missing_argument' })
  })

  it('are deleted as far as possible', async () => {
    for (const _id of ['m1', 'm2']) await done('createRole', { _id, body: { controllers: CONTROLLERS } })
    assert.deepEqual((await ask('POST', '/roles/_mDelete', { ids: ['m1'] })).body.result, ['m1'])
    const answer = await ask('POST', '/roles/_mDelete', { ids: ['m2', 'admin'] })
    assert.equal(answer.status, 206)
    assert.deepEqual(answer.body.result, ['m2'])
    assert.equal(answer.body.error.errors[0].id, 'security.role.cannot_delete')
    await refused(
      'mDeleteRoles',
      { body: { ids: ['a', 'b', 'c', 'd'] } },
      {
        status: 413,
        id: 'services.storage.write_limit_exceeded',
      },
    )
  })
})
