import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

/** Clients that create and delete keys at the same time, each one after the other, until the server is gone. */
const CLIENTS = 1_000
/** How many acknowledged changes are awaited before the server is killed amid the others. */
const KILL_AFTER = 2_000

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
    /** Tokens whose creation was acknowledged and whose deletion was never asked for. */
    const kept = new Set<string>()
    const deleted: string[] = []
    let acknowledged = 0
    let reachedKill: () => void = () => {}
    const killTime = new Promise<void>((resolve) => {
      reachedKill = resolve
    })
    const acknowledge = (): void => {
      acknowledged += 1
      if (acknowledged === KILL_AFTER) reachedKill()
    }
    /** Rejects when the server is gone; whatever it was waiting for then may or may not have happened. */
    const work = async (client: number): Promise<never> => {
      for (let n = 0; ; n++) {
        const key = await createKey(`key ${n} of client ${client}`)
        kept.add(key.token)
        acknowledge()
        if (n % 2 === 0) continue
        kept.delete(key.token)
        await deleteKey(key.id)
        deleted.push(key.token)
        acknowledge()
      }
    }
    const clients = Promise.allSettled(Array.from({ length: CLIENTS }, (_, client) => work(client)))
    await killTime
    await server.stop('SIGKILL')
    for (const end of await clients)
      assert.ok(
        end.status === 'rejected' && !(end.reason instanceof assert.AssertionError),
        'only the kill ends it',
      )
    assert.ok(kept.size > 0 && deleted.length > 0, 'both kinds of changes were acknowledged')

    server = await startServer({ dataDir: server.dataDir })
    for (const token of kept) assert.equal(await isGood(token), true, 'an acknowledged create verifies')
    for (const token of deleted) assert.equal(await isGood(token), false, 'an acknowledged delete is refused')
    const file = readdirSync(server.dataDir).find((name) => /\.(db|sqlite)$/.test(name))
    assert.ok(file, 'the data directory holds the database')
    const database = new DatabaseSync(join(server.dataDir, file), { readOnly: true })
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
    database.close()
  })

  async function deleteKey(id: string): Promise<void> {
    const answer = await ask(server, 'DELETE', `/users/admin/api-keys/${id}`, { token: adminToken })
    assert.equal(answer.status, 200)
  }

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
