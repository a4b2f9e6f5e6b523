import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'
import { openTestApi } from '../testing/test-api.ts'

const { api, done, refused, ask } = await openSecurityClient()

const ROLE = { controllers: { auth: { actions: { getCurrentUser: true } } } }
const SECURITIES = {
  roles: { loader: ROLE },
  profiles: { loader: { policies: [{ roleId: 'loader' }] } },
  users: {
    gordon: {
      content: { profileIds: ['loader'], name: 'Gordon' },
      credentials: { local: { username: 'gordon', password: 'pass' } },
    },
  },
}

describe('admin:loadSecurities', () => {
  it('creates roles, profiles and users that can log in', async () => {
    const answer = await ask('POST', '/admin/_loadSecurities', SECURITIES)
    assert.deepEqual(answer.body.result, { acknowledge: true })
    const login = await api.ask('POST', '/_login/local', { body: { username: 'gordon', password: 'pass' } })
    const me = await api.ask('GET', '/_me', { token: login.body.result.jwt })
    assert.equal(me.body.result._source.name, 'Gordon')
  })

  it('refuses existing users unless told to skip or overwrite them', async () => {
    const load = (name: string) => ({
      users: { load: { content: { profileIds: ['default'], name }, credentials: {} } },
    })
    const nameNow = async () => (await done('getUser', { _id: 'load' }))._source.name
    await done('admin:loadSecurities', { body: load('one') })
    for (const args of [{}, { onExistingUsers: 'fail' }]) {
      await refused(
        'admin:loadSecurities',
        { ...args, body: load('two') },
        {
          status: 400,
          id: 'security.user.prevent_overwrite',
          message: 'Cannot overwrite existing users.',
        },
      )
    }
    await done('admin:loadSecurities', { onExistingUsers: 'skip', body: load('three') })
    assert.equal(await nameNow(), 'one')
    await done('admin:loadSecurities', { onExistingUsers: 'overwrite', body: load('four') })
    assert.equal(await nameNow(), 'four')
    await refused(
      'admin:loadSecurities',
      { onExistingUsers: 'maybe', body: {} },
      {
        status: 400,
        id: 'api.assert.invalid_argument',
      },
    )
  })

  it('refuses malformed securities before anything is written', async () => {
    const cases = [
      [{ roles: [] }, 'api.assert.invalid_type'],
      [{ roles: { r: {} } }, 'api.assert.missing_argument'],
      [{ profiles: { p: {} } }, 'api.assert.missing_argument'],
      [{ profiles: { p: null } }, 'api.assert.invalid_type'],
      [{ users: { u: {} } }, 'api.assert.missing_argument'],
      [{ users: { u: { content: {} } } }, 'api.assert.missing_argument'],
      [{ users: { u: { content: 1 } } }, 'api.assert.invalid_type'],
      [
        { users: { u: { content: { profileIds: ['default'] }, credentials: { local: 1 } } } },
        'api.assert.invalid_type',
      ],
    ] as const
    for (const [body, id] of cases) {
      await refused(
        'admin:loadSecurities',
        { body: { roles: { never: ROLE }, ...body } },
        { status: 400, id },
      )
    }
    await refused('admin:loadSecurities', {}, { status: 400, id: 'api.assert.body_required' })
    await refused('getRole', { _id: 'never' }, { status: 404, id: 'security.role.not_found' })
  })

  it('accepts controllers that this server does not know only when forced', async () => {
    const body = { roles: { plugin: { controllers: { 'my-plugin': { actions: { x: true } } } } } }
    await refused('admin:loadSecurities', { body }, { status: 400, id: 'security.role.unknown_controller' })
    assert.equal((await ask('POST', '/admin/_loadSecurities?force', body)).status, 200)
  })
})

describe('admin:resetSecurity', () => {
  it('deletes everybody and says how many, and starts over', async (t) => {
    const other = await openTestApi(t)
    const token = await other.login('root')
    const body = { content: { profileIds: ['default'] } }
    await other.ask('POST', '/users/_create', { token, body })
    const answer = await other.ask('POST', '/admin/_resetSecurity', { token })
    assert.equal(answer.status, 200)
    assert.deepEqual(Object.keys(answer.body.result).toSorted(), [
      'deletedProfiles',
      'deletedRoles',
      'deletedUsers',
    ])
    assert.equal(answer.body.result.deletedUsers, 2)
    assert.equal((await other.ask('GET', '/_me', { token })).body.error.id, 'security.token.invalid')
    assert.equal(await other.authority.users.adminExists(), false)
  })
})

describe('actions on documents, of which there are none', () => {
  it('drops nothing and keeps every user', async () => {
    assert.deepEqual((await ask('POST', '/admin/_resetDatabase')).body.result, { acknowledge: true })
    assert.equal((await done('getUser', { _id: 'root' }))._id, 'root')
  })

  it('accepts empty mappings and fixtures, and refuses all others', async () => {
    for (const path of ['/admin/_loadMappings', '/admin/_loadFixtures']) {
      assert.deepEqual((await ask('POST', path, {})).body.result, { acknowledge: true })
      const answer = await ask('POST', path, { nyc: { taxi: {} } })
      assert.equal(answer.status, 400)
      assert.equal(answer.body.error.id, 'services.storage.unexpected_bad_request')
      assert.match(answer.body.error.message, /Cannot create the index "nyc".*no documents/)
      assert.equal((await ask('POST', path)).body.error.id, 'api.assert.body_required')
    }
  })
})
