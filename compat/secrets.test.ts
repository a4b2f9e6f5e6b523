import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Kuzzle, WebSocket } from 'kuzzle-sdk'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

const PASSWORD = 'canary-password-7f3a9c51'
const WRONG_PASSWORD = 'canary-wrong-password-2b8e'
const FORGED_TOKEN = 'kapikey-canary.forged.token-91d0'

describe('secrets', () => {
  let server: RunningServer
  let adminToken: string
  /** Secrets that were issued, each of which may stand in exactly one answer. */
  const secrets: string[] = []
  /** All answers but the ones that delivered a secret. */
  const answers: string[] = []

  before(async () => {
    server = await startServer({ environment: { LATCHKEY_LOG_LEVEL: 'trace' } })
    adminToken = await createAdmin(server)
    secrets.push(adminToken)
  })

  after(() => server.discard())

  async function note(...request: Parameters<typeof ask>) {
    const answer = await ask(...request)
    answers.push(JSON.stringify(answer.body))
    return answer
  }

  /** Takes a key through its life with Latchkey's own API, and shows secrets in all the wrong places too. */
  async function useNativeApi(): Promise<void> {
    const login = await ask(server, 'POST', '/v1/login', { body: { username: 'melis', password: PASSWORD } })
    await note(server, 'POST', '/v1/login', { body: { username: 'melis', password: WRONG_PASSWORD } })
    const issued = await ask(server, 'POST', '/v1/keys', {
      token: adminToken,
      headers: { 'idempotency-key': 'once' },
      body: {
        owner: 'melis',
        id: 'native',
        description: 'canary',
        limits: [{ name: 'l', limit: 9, window: 1e6 }],
      },
    })
    const rotated = await ask(server, 'POST', '/v1/keys/native/rotate', {
      token: adminToken,
      body: { graceMs: 60_000 },
    })
    const [old, key, session] = [issued.body.key, rotated.body.key, login.body.token]
    assert.ok(old.startsWith('lk_live_') && key.startsWith('lk_live_') && session.startsWith('kauth-'))
    secrets.push(old, key, session)
    await note(server, 'POST', '/v1/keys', {
      token: adminToken,
      headers: { 'idempotency-key': 'once' },
      body: {
        owner: 'melis',
        id: 'native',
        description: 'canary',
        limits: [{ name: 'l', limit: 9, window: 1e6 }],
      },
    })
    const verify = { key, permissions: 'a:b', explain: true }
    await note(server, 'POST', '/v1/verify', { token: adminToken, body: verify })
    await note(server, 'POST', '/v1/verify', { token: adminToken, body: { key: { nested: key } } })
    await note(server, 'POST', '/v1/verify/batch', {
      token: adminToken,
      body: { keys: [{ key }, { key: old }] },
    })
    for (const path of ['/v1/authorize', `/v1/authorize/${key}`, `/v1/authorize?permissions=${key}`]) {
      const response = await fetch(`${server.url}${path}`, { headers: { 'x-api-key': key } })
      answers.push(`${JSON.stringify([...response.headers])} ${await response.text()}`)
    }
    await note(server, 'GET', '/v1/whoami', { token: key })
    await note(server, 'GET', '/v1/whoami', { token: FORGED_TOKEN, headers: { 'x-api-key': key } })
    for (const [path, token] of [
      ['/v1/introspect', key],
      ['/v1/introspect', FORGED_TOKEN],
      ['/v1/revoke', old],
    ] as const) {
      const headers = { authorization: `Bearer ${adminToken}` }
      const response = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ token }),
      })
      answers.push(await response.text())
    }
    // A refusal repeats to its caller what it sent as an id; no log may.
    await ask(server, 'GET', `/v1/keys/${key}`, { token: adminToken })
    await note(server, 'GET', '/v1/keys?state=revoked', { token: adminToken })
    await note(server, 'POST', '/v1/keys/search', { token: adminToken, body: { owner: 'melis' } })
    answers.push(await (await fetch(`${server.url}/metrics`)).text())
  }

  it('stand in no log, no file, and no answer but the one that delivered them', async () => {
    await note(server, 'POST', '/users/melis/_create', {
      token: adminToken,
      body: {
        content: { profileIds: ['default'] },
        credentials: { local: { username: 'melis', password: PASSWORD } },
      },
    })
    await note(server, 'POST', '/_login/local', { body: { username: 'melis', password: WRONG_PASSWORD } })
    await note(server, 'GET', `/_login/local?username=melis&password=${WRONG_PASSWORD}`)
    await note(server, 'GET', '/_me', { token: FORGED_TOKEN })
    await note(server, 'GET', `/_me?jwt=${FORGED_TOKEN}`)
    const login = await ask(server, 'POST', '/_login/local', {
      body: { username: 'melis', password: PASSWORD },
    })
    secrets.push(login.body.result.jwt)
    const created = await ask(server, 'POST', '/users/melis/api-keys/_create', {
      token: adminToken,
      body: { description: 'canary' },
    })
    const key = created.body.result._source.token
    secrets.push(key)
    await note(server, 'GET', '/_me', { token: key })
    await note(server, 'GET', '/nowhere', { token: key })
    await note(server, 'POST', '/_checkToken', { body: { token: key } })
    await note(server, 'POST', '/_query', { body: { controller: 'auth', action: 'nope', jwt: key } })
    await note(server, 'POST', '/users/melis/api-keys/_search', { token: adminToken, body: {} })
    await note(server, 'GET', '/credentials/local/melis', { token: adminToken })
    await note(server, 'GET', '/credentials/local/melis/_byId', { token: adminToken })
    await note(server, 'GET', '/_getConfig', { token: adminToken })
    await note(server, 'GET', '/_serverInfo', { token: adminToken })
    const socket = new Kuzzle(new WebSocket(server.host, { port: server.port }))
    await socket.connect()
    socket.setAPIKey(key)
    answers.push(
      JSON.stringify((await socket.query({ controller: 'auth', action: 'getCurrentUser' })).result),
    )
    socket.disconnect()
    await note(server, 'DELETE', `/users/melis/api-keys/${created.body.result._id}`, { token: adminToken })
    await note(server, 'GET', '/_me', { token: key })
    await useNativeApi()
    assert.equal(await server.stop(), 0)

    const places: [string, string][] = answers.map((answer, index) => [`answer ${index}`, answer])
    places.push(['the log', server.output()])
    for (const file of readdirSync(server.dataDir))
      places.push([`file ${file}`, readFileSync(join(server.dataDir, file), 'latin1')])
    assert.ok(places.length > 30, 'there is something to look at')
    for (const [place, text] of places)
      for (const secret of [...secrets, PASSWORD, WRONG_PASSWORD, FORGED_TOKEN]) {
        assert.equal(text.includes(secret), false, `${place} holds a secret`)
        const unprefixed = secret.replace(/^k(apikey|auth)-/, '')
        assert.equal(text.includes(unprefixed), false, `${place} holds a secret without its prefix`)
      }
  })

  it('leave an audit trail that names what happened', () => {
    for (const action of [
      'key.create',
      'key.delete',
      'session.login',
      'session.login_failed',
      'token.refused',
    ])
      assert.match(server.output(), new RegExp(`"action":"${action}"`), action)
  })
})
