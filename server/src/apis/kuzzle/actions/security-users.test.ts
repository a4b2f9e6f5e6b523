import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { api, act, done, refused, ask } = await openSecurityClient({
  documentsWriteCount: 3,
  documentsFetchCount: 4,
})

let created = 0
async function newUser(content: object = {}): Promise<string> {
  created += 1
  const _id = `user-${created}`
  await done('createUser', { _id, body: { content: { profileIds: ['default'], ...content } } })
  return _id
}

describe('security:createUser', () => {
  it('creates a user that can log in with its credentials', async () => {
    const body = {
      content: { profileIds: ['default'], name: 'Ann' },
      credentials: { local: { username: 'ann', password: 'pass' } },
    }
    const { _id, _source } = await done('createUser', { _id: 'ann', body })
    assert.equal(_id, 'ann')
    assert.deepEqual(_source.profileIds, ['default'])
    assert.equal(_source.name, 'Ann')
    assert.equal(_source._kuzzle_info.author, 'root')
    const login = await api.ask('POST', '/_login/local', { body: { username: 'ann', password: 'pass' } })
    assert.equal(login.body.result._id, 'ann')
  })

  it('generates an id that people can read, or a UUID when asked', async () => {
    const body = { content: { profileIds: ['default'] } }
    assert.match((await ask('POST', '/users/_create', body)).body.result._id, /^kuid-[a-z]+-[a-z]+-\d+$/)
    const uuid = await ask('POST', '/users/_create?kuid=uuid&_id=null', body)
    assert.match(uuid.body.result._id, /^kuid-[0-9a-f]{8}-[0-9a-f-]{27}$/)
  })

  it('takes the id from the path as from the argument', async () => {
    const body = { content: { profileIds: ['default'] } }
    assert.equal((await ask('POST', '/users/in%20path/_create', body)).body.result._id, 'in path')
    assert.equal((await ask('POST', '/users/_create?_id=in-query', body)).body.result._id, 'in-query')
  })

  it('refuses what Kuzzle refuses, in its words', async () => {
    const content = { profileIds: ['default'] }
    await refused('createUser', {}, { status: 400, id: 'api.assert.body_required' })
    await refused(
      'createUser',
      { body: {} },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "body.content".',
      },
    )
    await refused(
      'createUser',
      { body: { content: {} } },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "body.content.profileIds".',
      },
    )
    await refused(
      'createUser',
      { body: { content: { profileIds: 'default' } } },
      {
        status: 400,
        id: 'api.assert.invalid_type',
      },
    )
    await refused(
      'createUser',
      { _id: 'u', body: { content: { profileIds: [] } } },
      {
        status: 500,
        id: 'security.user.no_profile',
      },
    )
    await refused(
      'createUser',
      { body: { content: { profileIds: ['none'] } } },
      {
        status: 404,
        id: 'security.profile.not_found',
        message: 'Profile "none" not found.',
      },
    )
    await refused(
      'createUser',
      { _id: 'root', body: { content } },
      {
        status: 412,
        id: 'security.user.already_exists',
        message: 'User root already exists.',
      },
    )
    await refused(
      'createUser',
      { body: { content, credentials: { ldap: {} } } },
      {
        status: 400,
        id: 'security.credentials.unknown_strategy',
        message: 'Unknown authentication strategy "ldap"',
      },
    )
    await refused('createUser', { _id: 7, body: { content } }, { status: 400, id: 'api.assert.invalid_type' })
    await refused(
      'createUser',
      { _id: 'x'.repeat(513), body: { content } },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
      },
    )
    for (const _id of ['-1', 'anonymous']) {
      await refused(
        'createUser',
        { _id, body: { content } },
        { status: 412, id: 'security.user.already_exists' },
      )
    }
  })

  it('creates nothing when the credentials are refused', async () => {
    const body = { content: { profileIds: ['default'] }, credentials: { local: { username: 'half' } } }
    await refused('createUser', { _id: 'half', body }, { status: 400, message: 'Password required.' })
    await refused('getUser', { _id: 'half' }, { status: 404, id: 'security.user.not_found' })
    const taken = { ...body, credentials: { local: { username: 'root', password: 'p' } } }
    await refused(
      'createUser',
      { _id: 'half', body: taken },
      {
        status: 412,
        message: 'Login "root" is already used.',
      },
    )
    await refused('getUser', { _id: 'half' }, { status: 404, id: 'security.user.not_found' })
  })
})

describe('security:createRestrictedUser', () => {
  it('gives the profiles of the settings, and lets the client choose none', async () => {
    const { _source } = await done('createRestrictedUser', { _id: null, body: { content: { a: 1 } } })
    assert.deepEqual(_source.profileIds, ['default'])
    assert.equal(_source.a, 1)
    await refused(
      'createRestrictedUser',
      { body: { content: { profileIds: ['admin'] } } },
      {
        status: 400,
        id: 'api.assert.forbidden_argument',
        message: 'The argument "body.content.profileIds" is not allowed by this API action.',
      },
    )
  })
})

describe('security:upsertUser', () => {
  it('creates a user from default and content, and later changes only what is given', async () => {
    const content = { profileIds: ['default'], a: 1 }
    const first = await ask('POST', '/users/ups/_upsert', { content, default: { a: 0, b: 2 } })
    assert.equal(first.body.result._source.a, 1)
    assert.equal(first.body.result._source.b, 2)
    const second = await done('upsertUser', {
      _id: 'ups',
      body: { content: { profileIds: ['default'], c: 3 }, default: { b: 9 } },
    })
    const { _kuzzle_info, ...source } = second._source
    assert.deepEqual(source, { profileIds: ['default'], a: 1, b: 2, c: 3 })
    assert.equal(_kuzzle_info.updater, 'root')
    await refused(
      'upsertUser',
      { _id: 'ups', body: { content: {} } },
      {
        status: 400,
        id: 'api.assert.missing_argument',
      },
    )
  })
})

describe('security:getUser, updateUser, replaceUser', () => {
  it('know the anonymous user under both names', async () => {
    for (const _id of ['-1', 'anonymous']) {
      assert.deepEqual(await done('getUser', { _id }), {
        _id: '-1',
        _source: { name: 'Anonymous', profileIds: ['anonymous'] },
      })
    }
  })

  it('merge, or replace', async () => {
    const _id = await newUser({ a: 1, b: 2 })
    const merged = await ask('PUT', `/users/${_id}/_update`, { b: 3 })
    assert.deepEqual([merged.body.result._source.a, merged.body.result._source.b], [1, 3])
    const replaced = await ask('PUT', `/users/${_id}/_replace`, { profileIds: ['admin'], c: 4 })
    assert.deepEqual(replaced.body.result._source.profileIds, ['admin'])
    assert.equal('a' in replaced.body.result._source, false)
    const read = await ask('GET', `/users/${_id}`)
    assert.deepEqual(read.body.result, replaced.body.result)
  })

  it('refuse what Kuzzle refuses, in its words', async () => {
    const _id = await newUser()
    await refused('getUser', {}, { status: 400, id: 'api.assert.missing_argument' })
    await refused('getUser', { _id: 'none' }, { status: 404, id: 'security.user.not_found' })
    await refused(
      'updateUser',
      { _id: 'none', body: { a: 1 } },
      { status: 404, id: 'security.user.not_found' },
    )
    await refused('updateUser', { _id }, { status: 400, id: 'api.assert.body_required' })
    await refused(
      'updateUser',
      { _id, body: { profileIds: 'x' } },
      {
        status: 400,
        id: 'api.assert.invalid_type',
        message: 'Wrong type for argument "body.profileIds" (expected: array)',
      },
    )
    await refused(
      'updateUser',
      { _id, body: { profileIds: ['none'] } },
      {
        status: 404,
        id: 'security.profile.not_found',
      },
    )
    await refused(
      'replaceUser',
      { _id, body: { a: 1 } },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "body.profileIds".',
      },
    )
    await refused(
      'replaceUser',
      { _id: 'none', body: { profileIds: ['default'] } },
      {
        status: 404,
        id: 'security.user.not_found',
      },
    )
  })
})

describe('security:mGetUsers', () => {
  it('answers those that exist, whether ids come in the body, as a list, or with commas', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const ids = (result: { hits: { _id: string }[] }) => result.hits.map((hit) => hit._id)
    assert.deepEqual(ids(await done('mGetUsers', { body: { ids: [one, 'none', two] } })), [one, two])
    assert.deepEqual(ids(await done('mGetUsers', { ids: [two, one] })), [two, one])
    assert.deepEqual(ids(await done('mGetUsers', { ids: `${one},${two}` })), [one, two])
    assert.deepEqual(ids((await ask('GET', `/users/_mGet?ids=${one},${two}`)).body.result), [one, two])
    const list = encodeURIComponent(JSON.stringify([one]))
    assert.deepEqual(ids((await ask('GET', `/users/_mGet?ids=${list}`)).body.result), [one])
    assert.deepEqual(ids((await ask('POST', '/users/_mGet', { ids: [two] })).body.result), [two])
  })

  it('refuses no ids, wrong ids and too many ids', async () => {
    await refused('mGetUsers', {}, { status: 400, id: 'api.assert.missing_argument' })
    await refused('mGetUsers', { body: { ids: [1] } }, { status: 400, id: 'api.assert.invalid_type' })
    await refused(
      'mGetUsers',
      { ids: ['a', 'b', 'c', 'd', 'e'] },
      {
        status: 413,
        id: 'services.storage.get_limit_exceeded',
      },
    )
  })
})

describe('security:deleteUser', () => {
  it('removes the user with its keys and credentials', async () => {
    const _id = 'short-lived'
    const jwt = await api.login(_id, 'default')
    const key = await done('createApiKey', { userId: _id, _id: 'orphan', body: { description: 'd' } })
    assert.deepEqual((await ask('DELETE', `/users/${_id}`)).body.result, { _id })
    await refused('deleteUser', { _id }, { status: 404, id: 'security.user.not_found' })
    for (const token of [jwt, key._source.token]) {
      assert.equal((await api.ask('GET', '/_me', { token })).body.error.id, 'security.token.invalid')
    }
    assert.deepEqual(await done('searchApiKeys', { userId: _id }), { hits: [], total: 0 })
    await api.login(_id, 'default')
    assert.equal(
      (await api.ask('GET', '/_me', { token: key._source.token })).body.error.id,
      'security.token.invalid',
    )
  })
})

describe('security:mDeleteUsers', () => {
  it('answers the deleted ids, each once', async () => {
    const [one, two] = [await newUser(), await newUser()]
    assert.deepEqual(await done('mDeleteUsers', { body: { ids: [one, two, one] } }), [one, two])
  })

  it('deletes what it can, and answers 206 with the reason for each of the rest', async () => {
    const one = await newUser()
    const answer = await ask('POST', '/users/_mDelete', { ids: [one, 'none'] })
    assert.equal(answer.status, 206)
    assert.deepEqual(answer.body.result, [one])
    const { error } = answer.body
    assert.equal(error.id, 'services.storage.incomplete_delete')
    assert.equal(error.message, "Couldn't delete all the requested documents: [ 'none' ]")
    assert.equal(error.count, 1)
    assert.equal(error.errors[0].id, 'security.user.not_found')
  })

  it('refuses more ids than the limit, and deletes none of them', async () => {
    const one = await newUser()
    await refused(
      'mDeleteUsers',
      { body: { ids: [one, 'b', 'c', 'd'] } },
      {
        status: 413,
        id: 'services.storage.write_limit_exceeded',
      },
    )
    await done('getUser', { _id: one })
    await refused('mDeleteUsers', {}, { status: 400, id: 'api.assert.body_required' })
    await refused('mDeleteUsers', { body: {} }, { status: 400, id: 'api.assert.missing_argument' })
    await refused('mDeleteUsers', { body: { ids: 'a,b' } }, { status: 400, id: 'api.assert.invalid_type' })
  })
})

describe('security:revokeTokens', () => {
  it('ends sessions and leaves API keys', async () => {
    const jwt = await api.login('worker', 'default')
    const key = await done('createApiKey', { userId: 'worker', body: { description: 'd' } })
    assert.equal((await ask('DELETE', '/users/worker/tokens')).body.result, null)
    assert.equal((await api.ask('GET', '/_me', { token: jwt })).body.error.id, 'security.token.invalid')
    assert.equal((await api.ask('GET', '/_me', { token: key._source.token })).body.result._id, 'worker')
    await refused('revokeTokens', { _id: 'none' }, { status: 404, id: 'security.user.not_found' })
    assert.equal((await act('revokeTokens', {})).error.id, 'api.assert.missing_argument')
  })
})
