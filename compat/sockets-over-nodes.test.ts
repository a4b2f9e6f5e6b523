import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { postgresIsMissing, startPostgres } from '../server/src/storage/postgres/testing/postgres-server.ts'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

/** For a notice to arrive, however slow the machine is. */
const NOTICE_MAX_MS = 30_000

type Store = { readonly url: string; discard(): Promise<void> | void }

describe('two processes on one file', () =>
  describeNodes(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-nodes-'))
    const discard = () => rmSync(folder, { recursive: true, force: true })
    return { url: `sqlite:${join(folder, 'latchkey.db')}`, discard }
  }))

describe('two nodes on one PostgreSQL', { skip: postgresIsMissing() }, () =>
  describeNodes(async () => {
    const postgres = await startPostgres()
    return { url: await postgres.newStore(), discard: () => postgres.stop() }
  }),
)

function describeNodes(openStore: () => Promise<Store>): void {
  let store: Store
  let here: RunningServer
  let there: RunningServer
  let admin: string
  let users = 0

  before(async () => {
    store = await openStore()
    here = await startServer({ arguments: ['--storage', store.url] })
    there = await startServer({ arguments: ['--storage', store.url] })
    admin = await createAdmin(here)
  })
  after(async () => {
    for (const server of [here, there]) {
      await server?.stop()
      server?.discard()
    }
    await store?.discard()
  })

  async function newUser(): Promise<string> {
    users += 1
    const id = `user-${users}`
    const credentials = { local: { username: id, password: 'a long password' } }
    const body = { content: { profileIds: ['default'] }, credentials }
    await ask(here, 'POST', `/users/${id}/_create`, { token: admin, body })
    return id
  }
  async function logIn(id: string): Promise<string> {
    const body = { username: id, password: 'a long password' }
    return (await ask(here, 'POST', '/_login/local', { body })).body.result.jwt
  }
  async function issue(id: string): Promise<{ readonly _id: string; readonly _source: { token: string } }> {
    const body = { description: 'for a socket' }
    return (await ask(here, 'POST', `/users/${id}/api-keys/_create`, { token: admin, body })).body.result
  }

  it('tell a socket of one that its session was ended over the other', async () => {
    const token = await logIn(await newUser())
    const socket = await openSocket(there, token)
    await ask(here, 'POST', '/_logout', { token })
    await socket.expectNotice()
  })

  it('tell every socket of a user when it logs out everywhere', async () => {
    const id = await newUser()
    const sockets = [await openSocket(there, await logIn(id)), await openSocket(there, await logIn(id))]
    await ask(here, 'POST', '/_logout?global=true', { token: await logIn(id) })
    for (const socket of sockets) await socket.expectNotice()
  })

  it('tell a socket that its key was deleted over the other', async () => {
    const id = await newUser()
    const key = await issue(id)
    const socket = await openSocket(there, key._source.token)
    await ask(here, 'DELETE', `/users/${id}/api-keys/${key._id}`, { token: admin })
    await socket.expectNotice()
  })

  it('tell a socket that its user was deleted over the other, and others nothing', async () => {
    const [id, other] = [await newUser(), await newUser()]
    const socket = await openSocket(there, await logIn(id))
    const bystander = await openSocket(there, await logIn(other))
    await ask(here, 'DELETE', `/users/${id}`, { token: admin })
    await socket.expectNotice()
    assert.equal(bystander.noticed(), false)
    bystander.close()
  })

  it('tell a socket when its key now ends sooner, changed over the other', async () => {
    const key = await issue(await newUser())
    const socket = await openSocket(there, key._source.token)
    const body = { expiresAt: new Date(Date.now() + 1_500).toISOString() }
    const changed = await ask(here, 'PATCH', `/v1/keys/${key._id}`, { token: admin, body })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    await socket.expectNotice()
  })

  it('go on with a scroll that was opened over the other', async () => {
    for (let n = 0; n < 3; n += 1) await newUser()
    const first = await ask(here, 'POST', '/users/_search?size=2&scroll=1m', { token: admin, body: {} })
    const { scrollId, total, hits } = first.body.result
    const ids = hits.map((hit: { _id: string }) => hit._id)
    for (let page = 0; ids.length < total && page < total; page += 1) {
      const server = page % 2 === 0 ? there : here
      const next = await ask(server, 'GET', `/users/_scroll/${scrollId}?scroll=1m`, { token: admin })
      assert.equal(next.status, 200, JSON.stringify(next.body))
      ids.push(...next.body.result.hits.map((hit: { _id: string }) => hit._id))
    }
    assert.equal(new Set(ids).size, total)
  })

  it('do a request that is repeated over the other only once', async () => {
    const headers = { 'idempotency-key': 'the-one-request' }
    const body = { owner: await newUser() }
    const once = await ask(here, 'POST', '/v1/keys', { token: admin, headers, body })
    const again = await ask(there, 'POST', '/v1/keys', { token: admin, headers, body })
    assert.equal(once.status, 201, JSON.stringify(once.body))
    assert.equal(again.body.id, once.body.id)
  })
}

/** A WebSocket that has shown a token. */
async function openSocket(server: RunningServer, token: string) {
  const socket = new WebSocket(server.url.replace('http', 'ws'))
  let isNoticed = false
  let onNotice: () => void = () => {}
  const noticed = new Promise<void>((resolve) => {
    onNotice = resolve
  })
  const greeted = new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data) => {
      const message = JSON.parse(String(data))
      if (message.type === 'TokenExpired') {
        isNoticed = true
        onNotice()
      } else if (message.requestId === 'hello') {
        message.status === 200 ? resolve() : reject(new Error(JSON.stringify(message)))
      }
    })
    socket.on('open', () => {
      const request = { requestId: 'hello', controller: 'auth', action: 'getCurrentUser', jwt: token }
      socket.send(JSON.stringify(request))
    })
  })
  await greeted
  return {
    noticed: () => isNoticed,
    close: () => socket.close(),
    async expectNotice(): Promise<void> {
      const timer = setTimeout(() => socket.close(), NOTICE_MAX_MS)
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
      await Promise.race([noticed, closed])
      clearTimeout(timer)
      socket.close()
      assert.ok(isNoticed, 'the socket was told that its token ended')
    },
  }
}
