import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

const OPERATIONS = 1_000
/** How many acknowledged answers are awaited before the server is killed in the middle of the rest. */
const KILL_AFTER = 600

describe('kill -9 during 1,000 concurrent creates and deletes', () => {
  let server: RunningServer
  let adminToken: string

  before(async () => {
    server = await startServer({ environment: { LATCHKEY_LIMITS_CONCURRENT_REQUESTS: '2000' } })
    adminToken = await createAdmin(server)
  })

  after(async () => {
    await server.stop()
    server.discard()
  })

  it('keeps every acknowledged create, and every acknowledged delete stays deleted', async () => {
    const victims: { readonly id: string; readonly token: string }[] = []
    for (let i = 0; i < OPERATIONS / 2; i += 50)
      victims.push(...(await Promise.all(Array.from({ length: 50 }, (_, n) => createKey(`victim-${i + n}`)))))

    const created: string[] = []
    const deleted: string[] = []
    let answered = 0
    let reachedKill: () => void = () => {}
    const killTime = new Promise<void>((resolve) => {
      reachedKill = resolve
    })
    const count = (): void => {
      answered += 1
      if (answered === KILL_AFTER) reachedKill()
    }
    const creates = Array.from({ length: OPERATIONS / 2 }, async (_, n) => {
      const key = await createKey(`new-${n}`)
      created.push(key.token)
      count()
    })
    const deletes = victims.map(async (victim) => {
      const answer = await ask(server, 'DELETE', `/users/admin/api-keys/${victim.id}`, { token: adminToken })
      assert.equal(answer.status, 200)
      deleted.push(victim.token)
      count()
    })
    const all = Promise.allSettled([...creates, ...deletes])
    await killTime
    await server.stop('SIGKILL')
    await all
    assert.ok(created.length + deleted.length >= KILL_AFTER)
    assert.ok(created.length + deleted.length < OPERATIONS, 'the kill came in the middle')

    server = await startServer({ dataDir: server.dataDir })
    for (const token of created) assert.equal(await isGood(token), true, 'an acknowledged create verifies')
    for (const token of deleted) assert.equal(await isGood(token), false, 'an acknowledged delete is refused')
    const file = readdirSync(server.dataDir).find((name) => /\.(db|sqlite)$/.test(name))
    assert.ok(file, 'the data directory holds the database')
    const database = new DatabaseSync(join(server.dataDir, file), { readOnly: true })
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
    database.close()
  })

  async function createKey(description: string): Promise<{ readonly id: string; readonly token: string }> {
    const answer = await ask(server, 'POST', '/users/admin/api-keys/_create', {
      token: adminToken,
      body: { description },
    })
    assert.equal(answer.status, 200)
    return { id: answer.body.result._id, token: answer.body.result._source.token }
  }

  async function isGood(token: string): Promise<boolean> {
    const answer = await ask(server, 'POST', '/_checkToken', { body: { token } })
    return answer.body.result.valid
  }
})
