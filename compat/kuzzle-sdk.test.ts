import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Http, Kuzzle, WebSocket } from 'kuzzle-sdk'
import { ADMIN, type RunningServer, startServer } from './running-server.ts'

const CARRIERS = {
  http: (server: RunningServer) => new Http(server.host, { port: server.port }),
  websocket: (server: RunningServer) => new WebSocket(server.host, { port: server.port }),
}

/** What the SDK rejects with. */
type SdkError = { readonly status: number; readonly id: string; readonly message: string }

const refusedWith = (id: string, status: number) => (error: SdkError) => {
  assert.equal(error.id, id)
  assert.equal(error.status, status)
  return true
}

for (const [carrier, protocolOf] of Object.entries(CARRIERS)) {
  describe(`kuzzle-sdk, unchanged, over ${carrier}`, () => {
    let server: RunningServer
    let admin: Kuzzle
    const clients: Kuzzle[] = []

    async function connect(): Promise<Kuzzle> {
      const kuzzle = new Kuzzle(protocolOf(server))
      await kuzzle.connect()
      clients.push(kuzzle)
      return kuzzle
    }

    async function connectAs(username: string, password = 'password'): Promise<Kuzzle> {
      const kuzzle = await connect()
      await kuzzle.auth.login('local', { username, password })
      return kuzzle
    }

    async function createUser(id: string, profileIds = ['default']): Promise<void> {
      await admin.security.createUser(id, {
        content: { profileIds, name: `Name of ${id}` },
        credentials: { local: { username: id, password: 'password' } },
      })
    }

    before(async () => {
      server = await startServer()
      admin = await connect()
    })

    after(async () => {
      for (const client of clients) client.disconnect()
      await server.stop()
      server.discard()
    })

    it('creates the first administrator, who can log in; a second one is refused', async () => {
      const user = await admin.security.createFirstAdmin('admin', {
        content: { name: 'Ada' },
        credentials: { local: ADMIN },
      })
      assert.equal(user._id, 'admin')
      assert.deepEqual(user.profileIds, ['admin'])
      await assert.rejects(
        admin.security.createFirstAdmin('other', { content: {}, credentials: { local: ADMIN } }),
        refusedWith('api.process.admin_exists', 412),
      )
      const jwt = await admin.auth.login('local', ADMIN)
      assert.match(jwt, /^kauth-/)
      assert.equal((await admin.auth.getCurrentUser())._id, 'admin')
      assert.equal(await admin.isAuthenticated(), true)
    })

    it('refuses a wrong password and an unknown user alike', async () => {
      const kuzzle = await connect()
      for (const username of ['admin', 'nobody'])
        await assert.rejects(
          kuzzle.auth.login('local', { username, password: 'wrong' }),
          refusedWith('plugin.strategy.missing_user', 401),
        )
    })

    it('issues a key for a user that works, is listed without its secret, and dies when deleted', async () => {
      await createUser('melis')
      const created = await admin.security.createApiKey('melis', 'Cron API key', {
        _id: `melis-key-${carrier}`,
        expiresIn: '30d',
      })
      const { token, fingerprint, hash, ttl, expiresAt, userId } = created._source
      assert.equal(created._id, `melis-key-${carrier}`)
      assert.match(token, /^kapikey-/)
      assert.equal(fingerprint, createHash('sha256').update(token).digest('hex'))
      assert.equal(hash, fingerprint)
      assert.equal(ttl, 2_592_000_000)
      assert.ok(Math.abs(expiresAt - Date.now() - ttl) < 60_000)
      assert.equal(userId, 'melis')

      const machine = await connect()
      machine.setAPIKey(token)
      assert.equal((await machine.auth.getCurrentUser())._id, 'melis')
      assert.deepEqual(await machine.auth.checkToken(token), { valid: true, kuid: 'melis', expiresAt })

      const found = await admin.security.searchApiKeys('melis', { term: { fingerprint } })
      assert.equal(found.total, 1)
      assert.equal(found.hits[0]._id, created._id)
      assert.equal('token' in found.hits[0]._source, false)

      await admin.security.deleteApiKey('melis', created._id)
      // On a socket the notice may arrive first: then the SDK has already dropped the key, and asks as anonymous.
      const answer = await machine.auth.getCurrentUser().then(
        (user) => user._id,
        (error: SdkError) => error.id,
      )
      assert.ok(answer === 'security.token.invalid' || (carrier === 'websocket' && answer === '-1'), answer)
      assert.equal((await admin.auth.checkToken(token)).valid, false)
    })

    it('lets a user issue, find and delete its own keys, and does not show those of others', async () => {
      await createUser('bob')
      const bob = await connectAs('bob')
      const first = await bob.auth.createApiKey('LoRa gateway')
      const second = await bob.auth.createApiKey('Sigfox callback', { expiresIn: 86_400_000 })
      assert.notEqual(first._id, second._id)
      assert.equal(first._source.expiresAt, -1)
      const all = await bob.auth.searchApiKeys()
      assert.deepEqual(
        all.hits.map((hit) => hit._id),
        [first._id, second._id],
      )
      assert.equal((await admin.security.searchApiKeys('admin')).total, 0)
      await assert.rejects(admin.auth.deleteApiKey(first._id), refusedWith('services.storage.not_found', 404))
      assert.equal(await bob.auth.deleteApiKey(first._id), null)
      assert.equal((await bob.auth.searchApiKeys()).total, 1)
    })

    it('runs the documented Elasticsearch example as written', async () => {
      await createUser('jared.doe')
      const promises = [
        admin.security.createApiKey('jared.doe', 'Sigfox API key'),
        admin.security.createApiKey('jared.doe', 'LoRa 6 month API key', { expiresIn: '6m' }),
        admin.security.createApiKey('jared.doe', 'LoRa permanent API key', { refresh: 'wait_for' }),
      ]
      await Promise.all(promises)
      const jared = await connectAs('jared.doe')
      const results = await jared.auth.searchApiKeys({ match: { description: 'LoRa' } })
      assert.equal(results.total, 2)
      assert.deepEqual(results.hits.map((hit) => hit._source.description).sort(), [
        'LoRa 6 month API key',
        'LoRa permanent API key',
      ])
      assert.ok(results.hits.every((hit) => !('token' in hit._source)))
    })

    it('runs the documented Koncorde example as written', async () => {
      await createUser('koncorde.doe')
      await Promise.all([
        admin.security.createApiKey('koncorde.doe', 'Sigfox API key'),
        admin.security.createApiKey('koncorde.doe', 'LoRa 6 month API key', { expiresIn: 36_000 }),
        admin.security.createApiKey('koncorde.doe', 'LoRa permanent API key', {
          expiresIn: 42_000,
          refresh: 'wait_for',
        }),
      ])
      const jared = await connectAs('koncorde.doe')
      const results = await jared.auth.searchApiKeys(
        { or: [{ equals: { ttl: 42_000 } }, { equals: { ttl: 36_000 } }] },
        { lang: 'koncorde' },
      )
      assert.equal(results.total, 2)
      assert.deepEqual(results.hits.map((hit) => hit._source.ttl).sort(), [36_000, 42_000])
    })

    it('pages through more keys than one page holds, with the real total, in creation order', async () => {
      await createUser('pager')
      const ids: string[] = []
      for (let i = 0; i < 25; i++)
        ids.push((await admin.security.createApiKey('pager', `key number ${i}`))._id)
      const pages: string[] = []
      for (const from of [0, 10, 20]) {
        const page = await admin.security.searchApiKeys('pager', {}, { from, size: 10 })
        assert.equal(page.total, 25)
        pages.push(...page.hits.map((hit: { _id: string }) => hit._id))
      }
      assert.deepEqual(pages, ids)
    })

    it('accepts the 11th and the 25th key of a user like the first', async () => {
      await createUser('many')
      const tokens: string[] = []
      for (let i = 0; i < 25; i++)
        tokens.push((await admin.security.createApiKey('many', 'same description'))._source.token)
      assert.equal(new Set(tokens).size, 25)
      for (const token of tokens) assert.equal((await admin.auth.checkToken(token)).valid, true)
    })

    it('accepts API keys of users whose names need escaping', async () => {
      for (const id of ['user??', 'a~~~b', '>>>', 'é-日本']) {
        await createUser(id)
        const key = await admin.security.createApiKey(id, 'odd name')
        const machine = await connect()
        machine.setAPIKey(key._source.token)
        assert.equal((await machine.auth.getCurrentUser())._id, id)
      }
    })

    it('refreshes a session, lets the old token go, and logs out', async () => {
      await createUser('session')
      const kuzzle = await connectAs('session')
      const before = kuzzle.jwt
      const refreshed = await kuzzle.auth.refreshToken()
      assert.notEqual(refreshed.jwt, before)
      assert.equal((await kuzzle.auth.checkToken(refreshed.jwt)).valid, true)
      await kuzzle.auth.logout()
      assert.equal((await kuzzle.auth.checkToken(refreshed.jwt)).valid, false)
    })

    it('does not refresh an API key', async () => {
      const key = await admin.security.createApiKey('melis', 'not refreshable')
      const machine = await connect()
      machine.setAPIKey(key._source.token)
      await assert.rejects(machine.auth.refreshToken(), refusedWith('security.token.refresh_forbidden', 401))
    })

    it('makes the SDK emit tokenExpired when its key is deleted', async () => {
      const key = await admin.security.createApiKey('melis', 'to be revoked')
      const machine = await connect()
      machine.setAPIKey(key._source.token)
      await machine.auth.getCurrentUser()
      const expired = new Promise<void>((resolve) => {
        machine.once('tokenExpired', () => resolve())
      })
      await admin.security.deleteApiKey('melis', key._id)
      if (carrier === 'http')
        await assert.rejects(
          machine.query({ controller: 'auth', action: 'getCurrentUser' }),
          refusedWith('security.token.invalid', 401),
        )
      else await expired
    })

    it('keeps roles: create, get, replace, search, update, delete', async () => {
      const controllers = { auth: { actions: { getCurrentUser: true } } }
      await admin.security.createRole('reader', { controllers }, {})
      assert.deepEqual((await admin.security.getRole('reader')).controllers, controllers)
      await assert.rejects(
        admin.security.createRole('reader', { controllers }, {}),
        refusedWith('services.storage.document_already_exists', 400),
      )
      const wider = { auth: { actions: { '*': true } } }
      await admin.security.updateRole('reader', { controllers: wider }, {})
      assert.deepEqual((await admin.security.getRole('reader')).controllers, wider)
      const found = await admin.security.searchRoles({ controllers: ['auth'] })
      assert.ok(found.hits.some((role: { _id: string }) => role._id === 'reader'))
      await assert.rejects(
        admin.security.createRole('bad', { controllers: { nope: { actions: { x: true } } } }),
        refusedWith('security.role.unknown_controller', 400),
      )
      await admin.security.deleteRole('reader')
      await assert.rejects(admin.security.getRole('reader'), refusedWith('security.role.not_found', 404))
    })

    it('keeps profiles, and refuses to delete one in use', async () => {
      await admin.security.createRole('keys', {
        controllers: { auth: { actions: { createApiKey: true } } },
      })
      await admin.security.createProfile('machines', { policies: [{ roleId: 'keys' }] })
      const profile = await admin.security.getProfile('machines')
      assert.deepEqual(profile.policies, [{ roleId: 'keys' }])
      await createUser('robot', ['machines'])
      await assert.rejects(
        admin.security.deleteProfile('machines'),
        refusedWith('security.profile.in_use', 412),
      )
      const robot = await connectAs('robot')
      assert.ok((await robot.auth.createApiKey('mine'))._id)
      await assert.rejects(robot.security.searchUsers({}), refusedWith('security.rights.forbidden', 403))
      await admin.security.deleteProfile('machines', { onAssignedUsers: 'remove' })
      assert.deepEqual((await admin.security.getUser('robot')).profileIds, ['anonymous'])
    })

    it('keeps users: update, replace, search, scroll, delete with all they own', async () => {
      for (let i = 0; i < 12; i++) await createUser(`crowd-${i}`)
      const updated = await admin.security.updateUser('crowd-0', { team: 'blue' })
      assert.equal(updated._source['team'], 'blue')
      assert.equal(updated._source['name'], 'Name of crowd-0')
      const replaced = await admin.security.replaceUser('crowd-0', { profileIds: ['default'], team: 'red' })
      assert.equal(replaced._source['name'], undefined)
      const seen: string[] = []
      let page = await admin.security.searchUsers(
        { query: { ids: { values: Array.from({ length: 12 }, (_, i) => `crowd-${i}`) } } },
        { size: 5, scroll: '10s' },
      )
      while (page) {
        assert.equal(page.total, 12)
        seen.push(...page.hits.map((user: { _id: string }) => user._id))
        page = (await page.next()) as typeof page
      }
      assert.equal(new Set(seen).size, 12)
      const key = await admin.security.createApiKey('crowd-1', 'goes with its user')
      await admin.security.deleteUser('crowd-1')
      assert.equal((await admin.auth.checkToken(key._source.token)).valid, false)
      await assert.rejects(admin.security.getUser('crowd-1'), refusedWith('security.user.not_found', 404))
    })

    it('keeps credentials, and never shows a password', async () => {
      await createUser('cred')
      const cred = await connectAs('cred')
      assert.deepEqual(await cred.auth.getStrategies(), ['local'])
      assert.equal(await admin.security.hasCredentials('local', 'cred'), true)
      assert.deepEqual(await admin.security.getCredentials('local', 'cred'), {
        username: 'cred',
        kuid: 'cred',
      })
      await admin.security.updateCredentials('local', 'cred', { username: 'cred', password: 'changed' })
      await assert.rejects(connectAs('cred'), refusedWith('plugin.strategy.missing_user', 401))
      await connectAs('cred', 'changed')
      await admin.security.deleteCredentials('local', 'cred')
      assert.equal(await admin.security.hasCredentials('local', 'cred'), false)
    })

    it('answers malformed queries with errors, never with an empty list', async () => {
      await assert.rejects(
        admin.security.searchApiKeys('melis', { foo: { description: 'x' } }),
        (error: SdkError) => error.status === 400 && error.id.startsWith('services.storage.'),
      )
      await assert.rejects(
        admin.security.searchApiKeys('melis', { bool: { must: [] } }, { lang: 'koncorde' }),
        refusedWith('api.assert.koncorde_restricted_keyword', 400),
      )
      await assert.rejects(
        admin.security.createApiKey('nobody', 'no such user'),
        refusedWith('security.user.not_found', 404),
      )
      await assert.rejects(
        admin.security.createApiKey('melis', 'bad ttl', { expiresIn: '1h30m' }),
        refusedWith('api.assert.invalid_argument', 400),
      )
    })

    it('answers controllers it does not have as Kuzzle does', async () => {
      for (const [controller, action] of [
        ['nope', 'x'],
        ['document', 'create'],
      ] as const) {
        // Over HTTP the SDK knows no URL for them and sends nothing.
        if (carrier === 'http')
          await assert.rejects(admin.query({ controller, action, body: {} }), /No URL found/)
        else
          await assert.rejects(
            admin.query({ controller, action, body: {} }),
            refusedWith('api.process.controller_not_found', 404),
          )
      }
    })

    it('answers the server controller', async () => {
      assert.ok(Math.abs((await admin.server.now({})) - Date.now()) < 60_000)
      assert.equal(await admin.server.adminExists({}), true)
      assert.ok((await admin.server.info({})).serverInfo.kuzzle.version)
    })
  })
}
