import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { api, act, done, refused, ask, token } = await openSecurityClient()
await api.login('bob', 'default')
await api.login('eve', 'default')

const checkToken = async (text: string) =>
  (await api.ask('POST', '/_checkToken', { body: { token: text } })).body.result

describe('security:createApiKey', () => {
  it('issues a key of the user that works at once, with the token in this answer only', async () => {
    const { _id, _source } = await done('createApiKey', {
      userId: 'bob',
      _id: 'k1',
      body: { description: 'cron' },
    })
    const { token: secret, fingerprint, _kuzzle_info, ...rest } = _source
    assert.equal(_id, 'k1')
    assert.match(secret, /^kapikey-[\w-]+\.[\w-]+\.[\w-]+$/)
    assert.equal(fingerprint, createHash('sha256').update(secret).digest('hex'))
    assert.deepEqual(rest, { userId: 'bob', description: 'cron', expiresAt: -1, ttl: -1, hash: fingerprint })
    assert.equal(_kuzzle_info.author, 'root')
    assert.equal(_kuzzle_info.updatedAt, null)
    assert.deepEqual(await checkToken(secret), { expiresAt: -1, kuid: 'bob', valid: true })

    const { hits } = await done('searchApiKeys', { userId: 'bob', body: { ids: { values: ['k1'] } } })
    assert.equal(hits.length, 1)
    assert.equal('token' in hits[0]._source, false)
    assert.equal('_kuzzle_info' in hits[0]._source, false)
  })

  it('counts the life of the key from now, and takes texts for time spans over HTTP', async () => {
    const answer = await ask('POST', '/users/bob/api-keys/_create?expiresIn=30d&_id=null&refresh=wait_for', {
      description: 'month',
    })
    const { _id, _source } = answer.body.result
    assert.match(_id, /^[0-9a-f-]{36}$/)
    assert.equal(_source.ttl, 2_592_000_000)
    assert.equal(_source.expiresAt, api.authority.clock.now() + 2_592_000_000)
  })

  it('issues keys for the anonymous user under both of its names', async () => {
    for (const userId of ['-1', 'anonymous']) {
      const { _source } = await done('createApiKey', { userId, body: { description: 'a' } })
      assert.equal(_source.userId, '-1')
      assert.equal((await checkToken(_source.token)).kuid, '-1')
    }
  })

  it('refuses what Kuzzle refuses, in its words', async () => {
    const body = { description: 'd' }
    const missing = { status: 400, id: 'api.assert.missing_argument' }
    const wrongType = { status: 400, id: 'api.assert.invalid_type' }
    await refused('createApiKey', { body }, { ...missing, message: 'Missing argument "userId".' })
    await refused('createApiKey', { userId: 7, body }, { ...wrongType })
    await refused('createApiKey', { userId: 'bob' }, { status: 400, id: 'api.assert.body_required' })
    await refused(
      'createApiKey',
      { userId: 'bob', body: {} },
      {
        ...missing,
        message: 'Missing argument "body.description".',
      },
    )
    await refused(
      'createApiKey',
      { userId: 'bob', body: { description: null } },
      {
        ...wrongType,
        message: 'Wrong type for argument "body.description" (expected: string)',
      },
    )
    await refused(
      'createApiKey',
      { userId: 'bob', body, expiresIn: 'abc' },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
        message:
          'Invalid argument "expiresIn". Expected: a number of milliseconds, or a parsable timespan string',
      },
    )
    await refused(
      'createApiKey',
      { userId: 'nobody', body },
      {
        status: 404,
        id: 'security.user.not_found',
        message: 'User "nobody" not found.',
      },
    )
    await refused('createApiKey', { userId: 'bob', body, _id: 7 }, { ...wrongType })
    await refused(
      'createApiKey',
      { userId: 'bob', body, _id: 'x'.repeat(513) },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
      },
    )
    await refused(
      'createApiKey',
      { userId: 'bob', body, _id: '_search' },
      {
        status: 400,
        id: 'services.storage.search_as_an_id',
      },
    )
  })

  it('refuses an id that any user has a key of, and says no more than that', async () => {
    await done('createApiKey', { userId: 'bob', _id: 'taken', body: { description: 'd' } })
    await refused(
      'createApiKey',
      { userId: 'eve', _id: 'taken', body: { description: 'd' } },
      {
        status: 400,
        id: 'services.storage.document_already_exists',
        message: 'Document already exists.',
      },
    )
  })
})

describe('security:searchApiKeys', () => {
  it("finds one user's keys only, pages them, and counts all of them", async () => {
    await api.login('ann', 'default')
    for (let n = 0; n < 12; n++) {
      await done('createApiKey', { userId: 'ann', _id: `ann-${n}`, body: { description: `LoRa ${n}` } })
    }
    const first = await done('searchApiKeys', { userId: 'ann' })
    assert.equal(first.total, 12)
    assert.equal(first.hits.length, 10)
    const last = await done('searchApiKeys', {
      userId: 'ann',
      from: 10,
      size: 5,
      body: { match: { description: 'lora' } },
    })
    assert.equal(last.total, 12)
    assert.equal(last.hits.length, 2)
    assert.ok(last.hits.every((hit: { _source: { userId: string } }) => hit._source.userId === 'ann'))
  })

  it('answers no keys for users that do not exist', async () => {
    assert.deepEqual(await done('searchApiKeys', { userId: 'nobody', body: {} }), { hits: [], total: 0 })
  })

  it('refuses what Kuzzle refuses, in its words', async () => {
    await refused('searchApiKeys', {}, { status: 400, id: 'api.assert.missing_argument' })
    await refused(
      'searchApiKeys',
      { userId: 'bob', from: 'x' },
      { status: 400, id: 'api.assert.invalid_type' },
    )
    await refused(
      'searchApiKeys',
      { userId: 'bob', lang: 'sql' },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
        message: 'Invalid argument "lang". Expected: "elasticsearch" or "koncorde"',
      },
    )
    await refused(
      'searchApiKeys',
      { userId: 'bob', scroll: '2m' },
      {
        status: 400,
        id: 'services.storage.scroll_duration_too_great',
        message: 'Scroll duration "2m" is too great.',
      },
    )
    await refused(
      'searchApiKeys',
      { userId: 'bob', body: { nonsense: {} } },
      {
        status: 400,
        id: 'services.storage.unknown_query_keyword',
      },
    )
  })
})

describe('security:deleteApiKey', () => {
  it('revokes at once: the very next request with the key is refused', async () => {
    const { _source } = await done('createApiKey', {
      userId: 'bob',
      _id: 'doomed',
      body: { description: 'd' },
    })
    assert.equal((await checkToken(_source.token)).valid, true)
    const answer = await ask('DELETE', '/users/bob/api-keys/doomed')
    assert.deepEqual(answer.body.result, { _id: 'doomed' })
    assert.equal((await checkToken(_source.token)).valid, false)
    const { body } = await api.ask('GET', '/_me', { token: _source.token })
    assert.equal(body.error.id, 'security.token.invalid')
  })

  it('answers the same for unknown keys and for those of other users', async () => {
    await done('createApiKey', { userId: 'bob', _id: 'bobs', body: { description: 'd' } })
    for (const _id of ['bobs', 'none']) {
      await refused(
        'deleteApiKey',
        { userId: 'eve', _id },
        {
          status: 404,
          id: 'services.storage.not_found',
          message: `Document "${_id}" not found in "kuzzle":"api-keys".`,
        },
      )
    }
    assert.equal(
      (await done('searchApiKeys', { userId: 'bob', body: { ids: { values: ['bobs'] } } })).total,
      1,
    )
  })

  it('refuses a request without user or id', async () => {
    await refused('deleteApiKey', { _id: 'x' }, { status: 400, id: 'api.assert.missing_argument' })
    await refused(
      'deleteApiKey',
      { userId: 'bob' },
      {
        status: 400,
        id: 'api.assert.missing_argument',
        message: 'Missing argument "_id".',
      },
    )
  })
})

describe('API keys of others', () => {
  it('are out of reach for users without the right', async () => {
    const jwt = await api.login('mallory', 'default')
    const answer = await act('createApiKey', { jwt, userId: 'root', body: { description: 'd' } })
    assert.equal(answer.error.id, 'security.rights.forbidden')
    assert.notEqual(jwt, token)
  })
})
