import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import {
  aKey,
  anEvent,
  aProfile,
  aRole,
  keyId,
  numbers,
  refusal,
  roleId,
  userId,
  withUsers,
} from '../contract/records.ts'
import { Worker } from '../contract/worker.ts'
import { openStorage } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

describe('several nodes on one PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let workers: Worker[] = []
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.kill()
  })

  type Start = (...task: readonly [task: string, name?: string, count?: number]) => Worker

  const withStorage = (body: (storage: Storage, start: Start, url: string) => Promise<void>) => async () => {
    const url = await server.newStore()
    const storage = await openStorage(url)
    const start: Start = (...task) => {
      const worker = new Worker(url, ...task)
      workers = [...workers, worker]
      return worker
    }
    try {
      await body(storage, start, url)
    } finally {
      await storage.close()
    }
  }

  test('may all start at once where there is nothing yet', async () => {
    const url = await server.newStore()
    const storages = await Promise.all(numbers(8).map(() => openStorage(url)))
    for (const [n, { keys }] of storages.entries()) {
      await keys.insert(aKey(`k${n}`, '-1'), undefined, anEvent('key.create'))
    }
    assert.equal(await storages[0]?.keys.countByOwner(userId('-1')), 8)
    for (const storage of storages) await storage.close()
  })

  test('refuse a schema that is newer than they are, or of another program', async () => {
    const newer = await server.newStore()
    await (await openStorage(newer)).close()
    const schema = /search_path%3D(\w+)/.exec(newer)?.[1]
    await server.run(`INSERT INTO ${schema}.latchkey_migrations (version, name) VALUES (999, 'later')`)
    const error = await refusal(openStorage(newer), 'storage.unavailable')
    assert.match(error.message, /its schema is version 999.*start the newer Latchkey/)

    const others = await server.newStore()
    await server.run(`CREATE TABLE ${/search_path%3D(\w+)/.exec(others)?.[1]}.users (id integer)`)
    const refused = await refusal(openStorage(others), 'storage.unavailable')
    assert.match(refused.message, /tables of another program/)
  })

  test(
    'lose no update, exceed no limit and never meet a busy store',
    withStorage(async (storage, start) => {
      await withUsers(storage, 'shared')
      const started = numbers(3).map((n) => start('contend', `p${n}`, 10))
      await Promise.all(started.map((worker) => worker.finished()))
      const lines = started.flatMap((worker) => worker.lines)
      assert.equal(lines.filter((line) => line === 'counted').length, 3 * 8 * 10)
      assert.deepEqual((await storage.users.find(userId('shared')))?.content, { n: 3 * 8 * 10 })
      assert.equal(lines.filter((line) => line.startsWith('stored')).length, 100)
      assert.equal(await storage.keys.countByOwner(userId('shared')), 100)
    }),
  )

  test(
    'spend exactly what there is',
    withStorage(async ({ keys }, start) => {
      const refill = { interval: 'every', everyMs: 1_000, amount: 100 } as const
      for (const [id, credits] of [
        ['budget', { initial: 300 }],
        ['refilled', { initial: 0, refill }],
      ] as const) {
        await keys.insert(aKey(id, '-1', { policy: { credits } }), undefined, anEvent('key.create'))
      }
      const started = numbers(3).map(() => start('spend'))
      await Promise.all(started.map((worker) => worker.finished()))
      const lines = started.flatMap((worker) => worker.lines)
      assert.equal(lines.filter((line) => line === 'spent budget').length, 300)
      assert.equal(lines.filter((line) => line === 'spent refilled').length, 100)
    }),
  )

  test(
    "see each other's keys from the next read on, and their end as soon as they hear of it",
    withStorage(async ({ keys }, start) => {
      const other = start('obey')
      await other.told(1)
      for (const n of numbers(20)) {
        const key = aKey(`k${n}`, '-1')
        await other.order(`key ${key.id}`)
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
        await other.order(`unkey ${key.id}`)
        await until(async () => (await keys.lookUp(key.fingerprint))?.revocation?.reason === 'unspecified')
      }
    }),
  )

  test(
    "see each other's roles from the next read on, and what users may do as soon as they hear of it",
    withStorage(async (storage, start) => {
      const { access } = storage
      await withUsers(storage, 'ann')
      for (const id of ['r', 's']) {
        await access.putRole(aRole(id), 'refuse', anEvent('role.create'))
        await access.putProfile(aProfile(id, [id]), 'refuse', anEvent('profile.create'))
      }
      const other = start('obey')
      await other.told(1)
      for (const [n, id] of ['r', 's', 'r', 's'].entries()) {
        assert.equal(await other.order(`profile ann ${id}`), 'done')
        await until(async () => (await access.rolesOf(userId('ann'))).map((role) => role.id).join() === id)
        await other.order(`role ${id} note${n}`)
        await until(async () => (await access.rolesOf(userId('ann')))[0]?.content['note'] === `note${n}`)
        assert.equal((await access.findRole(roleId(id)))?.content['note'], `note${n}`)
      }
    }),
  )

  test(
    'need not ask for keys and for the roles of users that they remember, while they hear of changes',
    withStorage(async (storage) => {
      const { access, changes, keys } = storage
      await withUsers(storage, 'ann')
      const key = aKey('k', 'ann')
      await keys.insert(key, undefined, anEvent('key.create'))
      const [roles, found] = [await access.rolesOf(userId('ann')), await keys.lookUp(key.fingerprint)]
      await until(async () => changes?.isFresh() === true)
      // In one turn of the event loop: nothing is heard between.
      assert.equal(keys.lookUp(key.fingerprint), found)
      assert.equal(access.rolesOf(userId('ann')), roles)
    }),
  )

  test(
    'read every event once, in one order, while others write',
    withStorage(async (storage, _start, url) => {
      const writers = await Promise.all(numbers(3).map(() => openStorage(url)))
      const events = numbers(60)
      const written = Promise.all(
        writers.map(async ({ audit, keys }, w) => {
          for (const n of events) {
            if (n % 2 === 0) await audit.append([anEvent('token.refused', `${w} ${n}`)])
            else await keys.insert(aKey(`${w}-${n}`, '-1'), undefined, anEvent('key.create', `${w} ${n}`))
          }
        }),
      )
      let isOver = false
      void written.then(() => {
        isOver = true
      })
      const read: string[] = []
      for (let after = 0, wasOver = false; ; wasOver = isOver) {
        const page = await storage.audit.list(after, 7)
        assert.deepEqual(
          page.map((event) => event.sequence),
          page.map((_, index) => after + index + 1),
        )
        read.push(...page.map((event) => event.subject))
        after += page.length
        if (wasOver && page.length === 0) break
      }
      await written
      assert.equal(new Set(read).size, read.length)
      for (const w of numbers(3)) {
        assert.deepEqual(
          read.filter((subject) => subject.startsWith(`${w} `)),
          events.map((n) => `${w} ${n}`),
        )
      }
      for (const writer of writers) await writer.close()
    }),
  )

  test(
    'lose nothing that one of them acknowledged before it was killed, and nothing it revoked comes back',
    withStorage(async (storage, start) => {
      const worker = start('churn', 'round')
      await worker.told(600)
      await worker.kill()
      await assertAcknowledged(storage, worker.lines)
    }),
  )
})

async function assertAcknowledged(storage: Storage, lines: readonly string[]): Promise<void> {
  const told = (word: string) =>
    new Set(lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1)))
  const [created, deleting, deleted] = [told('created'), told('deleting'), told('deleted')]
  assert.ok(created.size > 100 && deleted.size > 100)
  const subjects = new Set(
    (await storage.audit.list(0, 1_000_000)).map((event) => `${event.action} ${event.subject}`),
  )
  let living = 0
  for (const id of created) {
    const found = await storage.keys.findById(keyId(id))
    if (found !== undefined) living += 1
    if (deleted.has(id)) assert.equal(found, undefined, `${id} was deleted`)
    else if (!deleting.has(id)) assert.equal(found?.id, keyId(id), `${id} was created`)
    assert.ok(subjects.has(`key.create ${id}`))
    assert.equal(subjects.has(`key.delete ${id}`), found === undefined)
  }
  // Keys whose creation was not told of any more may be there as well.
  assert.ok((await storage.keys.countByOwner(userId('-1'))) >= living)
}
