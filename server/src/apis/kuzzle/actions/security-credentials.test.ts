import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { api, done, refused, ask } = await openSecurityClient()

before(async () => {
  for (const _id of ['bob', 'ann'])
    await done('createUser', { _id, body: { content: { profileIds: ['default'] } } })
  await done('createCredentials', {
    strategy: 'local',
    _id: 'ann',
    body: { username: 'ann@x', password: 'p' },
  })
})

const canLogIn = async (username: string, password: string) =>
  (await api.ask('POST', '/_login/local', { body: { username, password } })).status === 200

describe('credentials of a user', () => {
  it('are created, used, changed and deleted, and never show a password', async () => {
    const created = await ask('POST', '/credentials/local/bob/_create', { username: 'bob', password: 'one' })
    assert.deepEqual(created.body.result, { username: 'bob', kuid: 'bob' })
    assert.equal(await canLogIn('bob', 'one'), true)
    assert.equal((await ask('GET', '/credentials/local/bob/_exists')).body.result, true)

    const updated = await ask('PUT', '/credentials/local/bob/_update', { username: 'bobby', password: 'two' })
    assert.deepEqual(updated.body.result, { username: 'bobby', kuid: 'bob' })
    assert.deepEqual([await canLogIn('bob', 'one'), await canLogIn('bobby', 'two')], [false, true])

    const byKuid = await ask('GET', '/credentials/local/bob')
    const byName = await ask('GET', '/credentials/local/bobby/_byId')
    assert.deepEqual(byKuid.body.result, { username: 'bobby', kuid: 'bob' })
    assert.deepEqual(byName.body.result, byKuid.body.result)
    assert.deepEqual((await ask('GET', '/users/bob/_strategies')).body.result, {
      strategies: ['local'],
      total: 1,
    })

    assert.deepEqual((await ask('DELETE', '/credentials/local/bob')).body.result, { acknowledged: true })
    assert.equal(await canLogIn('bobby', 'two'), false)
    assert.equal(await done('hasCredentials', { strategy: 'local', _id: 'bob' }), false)
    assert.deepEqual(await done('getUserStrategies', { _id: 'bob' }), { strategies: [], total: 0 })
  })

  it('have the fields that the strategy names', async () => {
    assert.deepEqual((await ask('GET', '/credentials/local/_fields')).body.result, ['username', 'password'])
    assert.deepEqual((await ask('GET', '/credentials/_fields')).body.result, {
      local: ['username', 'password'],
    })
  })

  it('are validated without being stored', async () => {
    const body = { username: 'new', password: 'p' }
    assert.equal(await done('validateCredentials', { strategy: 'local', _id: 'bob', body }), true)
    assert.equal((await ask('POST', '/credentials/local/bob/_validate', body)).body.result, true)
    assert.equal(await done('validateCredentials', { strategy: 'local', body }), true)
    assert.equal(await done('hasCredentials', { strategy: 'local', _id: 'bob' }), false)
  })

  it('do not exist for the anonymous user', async () => {
    assert.deepEqual(await done('getUserStrategies', { _id: '-1' }), { strategies: [], total: 0 })
  })
})

describe('credentials are refused', () => {
  const local = { strategy: 'local' }

  it('without strategy, with an unknown one, without user and without body', async () => {
    const body = { username: 'x', password: 'y' }
    for (const action of ['createCredentials', 'updateCredentials', 'validateCredentials']) {
      await refused(action, { _id: 'bob', body }, { status: 400, id: 'api.assert.missing_argument' })
      await refused(action, { ...local, _id: 'bob' }, { status: 400, id: 'api.assert.body_required' })
      await refused(
        action,
        { strategy: 'ldap', _id: 'bob', body },
        {
          status: 400,
          id: 'security.credentials.unknown_strategy',
        },
      )
    }
    for (const action of ['getCredentials', 'getCredentialsById', 'hasCredentials', 'deleteCredentials']) {
      await refused(action, local, { status: 400, id: 'api.assert.missing_argument' })
      await refused(
        action,
        { strategy: 'ldap', _id: 'bob' },
        {
          status: 400,
          id: 'security.credentials.unknown_strategy',
        },
      )
    }
    await refused(
      'getCredentialFields',
      { strategy: 'ldap' },
      {
        status: 400,
        id: 'security.credentials.unknown_strategy',
      },
    )
    await refused(
      'createCredentials',
      { ...local, _id: 'none', body },
      { status: 404, id: 'security.user.not_found' },
    )
    await refused('getUserStrategies', { _id: 'none' }, { status: 404, id: 'security.user.not_found' })
  })

  it("in the words of Kuzzle's local strategy, without id", async () => {
    const create = (body: object) => ({ ...local, _id: 'bob', body })
    await refused('createCredentials', create({ password: 'p' }), {
      status: 400,
      message: 'Username required.',
    })
    await refused('createCredentials', create({ username: 'u' }), {
      status: 400,
      message: 'Password required.',
    })
    await refused('createCredentials', create({ username: 'u', password: 'p', kuid: 'bob' }), {
      status: 400,
      message: 'kuid cannot be specified in credentials.',
    })
    await refused('createCredentials', create({ username: 'ann@x', password: 'p' }), {
      status: 412,
      message: 'Login "ann@x" is already used.',
    })
    await refused(
      'createCredentials',
      { ...local, _id: 'ann', body: { username: 'second', password: 'p' } },
      {
        status: 412,
        message: 'A strategy already exists for user "ann".',
      },
    )
    for (const action of ['getCredentials', 'deleteCredentials']) {
      await refused(
        action,
        { ...local, _id: 'bob' },
        { status: 412, message: 'No credentials found for user "bob".' },
      )
    }
    await refused('updateCredentials', create({ username: 'u', password: 'p' }), {
      status: 412,
      message: 'No credentials found for user "bob".',
    })
  })
})

describe('security:searchUsersByCredentials', () => {
  it('finds credentials by user name, in both languages, and shows no password', async () => {
    const query = { term: { username: 'ann@x' } }
    const found = { hits: [{ username: 'ann@x', kuid: 'ann' }], total: 1 }
    assert.deepEqual((await ask('POST', '/credentials/local/users/_search', { query })).body.result, found)
    const koncorde = { lang: 'koncorde', body: { query: { equals: { username: 'ann@x' } } } }
    assert.deepEqual(await done('searchUsersByCredentials', { strategy: 'local', ...koncorde }), found)
    assert.equal((await done('searchUsersByCredentials', { strategy: 'local', size: 1 })).hits.length, 1)
  })

  it('refuses to look at anything but the user name', async () => {
    for (const query of [{ term: { password: 'p' } }, { exists: { field: 'passwordHash' } }]) {
      await refused(
        'searchUsersByCredentials',
        { strategy: 'local', body: { query } },
        {
          status: 400,
          id: 'api.assert.forbidden_argument',
        },
      )
    }
    await refused(
      'searchUsersByCredentials',
      { strategy: 'ldap' },
      {
        status: 400,
        id: 'security.credentials.unknown_strategy',
      },
    )
  })
})
