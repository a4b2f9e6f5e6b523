import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'
import { openTestApi } from '../testing/test-api.ts'

const { done, refused, ask } = await openSecurityClient()

before(async () => {
  const controllers = { auth: { actions: { getCurrentUser: true, createApiKey: true } } }
  await done('createRole', { _id: 'keys', body: { controllers } })
  await done('createProfile', { _id: 'keys', body: { policies: [{ roleId: 'keys' }] } })
  await done('createUser', { _id: 'bob', body: { content: { profileIds: ['keys'] } } })
})

describe('security:checkRights', () => {
  const right = { controller: 'auth', action: 'createApiKey' }

  it('answers for any user, named by userId as in the code or by _id as in the documentation of Kuzzle', async () => {
    assert.deepEqual((await ask('POST', '/_checkRights/bob', right)).body.result, { allowed: true })
    assert.deepEqual(await done('checkRights', { userId: 'bob', body: right }), { allowed: true })
    assert.deepEqual(await done('checkRights', { _id: 'bob', body: right }), { allowed: true })
    const other = { controller: 'security', action: 'createApiKey' }
    assert.deepEqual(await done('checkRights', { userId: 'bob', body: other }), { allowed: false })
    assert.deepEqual(await done('checkRights', { userId: '-1', body: right }), { allowed: false })
  })

  it('refuses what Kuzzle refuses, in its words', async () => {
    await refused(
      'checkRights',
      { body: right },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "userId".',
      },
    )
    await refused(
      'checkRights',
      { userId: 'none', body: right },
      { status: 404, id: 'security.user.not_found' },
    )
    await refused('checkRights', { userId: 'bob' }, { status: 400, id: 'api.assert.body_required' })
    await refused(
      'checkRights',
      { userId: 'bob', body: { action: 'x' } },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "body.controller".',
      },
    )
    await refused(
      'checkRights',
      { userId: 'bob', body: { controller: 'x' } },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "body.action".',
      },
    )
  })
})

describe('security:getUserRights, getProfileRights', () => {
  const allowed = (action: string) => ({
    controller: 'auth',
    action,
    index: '*',
    collection: '*',
    value: 'allowed',
  })

  it('list each right once, the same for a profile and a user that has only that', async () => {
    const byUser = (await ask('GET', '/users/bob/_rights')).body.result
    const byProfile = (await ask('GET', '/profiles/keys/_rights')).body.result
    assert.deepEqual(byUser, byProfile)
    assert.equal(byUser.total, 2)
    const byName = (a: { action: string }, b: { action: string }) => (a.action < b.action ? -1 : 1)
    assert.deepEqual(byUser.hits.toSorted(byName), [allowed('createApiKey'), allowed('getCurrentUser')])
  })

  it('do not know users and profiles that do not exist', async () => {
    await refused('getUserRights', { _id: 'none' }, { status: 404, id: 'security.user.not_found' })
    await refused('getProfileRights', { _id: 'none' }, { status: 404, id: 'security.profile.not_found' })
    await refused('getUserRights', {}, { status: 400, id: 'api.assert.missing_argument' })
  })
})

describe('security:restrictDefaultRights', () => {
  it('ends the permissive start and answers no result at all', async (t) => {
    const api = await openTestApi(t, {}, { openStart: true })
    assert.equal((await api.ask('GET', '/roles/anonymous')).status, 200)
    const answer = await api.ask('POST', '/_restrictDefaultRights')
    assert.equal(answer.status, 200)
    assert.equal('result' in answer.body, false)
    assert.equal((await api.ask('GET', '/roles/anonymous')).status, 401)
  })
})
