import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, aRole, numbers, revokeKey, userId, withUsers } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { createChangeMemory } from '../thread-changes.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { startProxy } from './testing/proxy.ts'
import { until } from './testing/until.ts'

const ROUNDS = 100

describe('threads of one process', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  const withThreads = async (work: (one: Storage, other: Storage) => Promise<void>): Promise<void> => {
    const url = await server.newStore()
    const changeMemory = createChangeMemory()
    const one = await openStorage(url, { changeMemory })
    const other = await openStorage(url, { changeMemory })
    try {
      await work(one, other)
    } finally {
      await one.close()
      await other.close()
    }
  }

  test('refuse a key once one of them acknowledged its revocation, and accept it once it is restored', () =>
    withThreads(async (one, other) => {
      let fromMemory = 0
      for (const n of numbers(ROUNDS)) {
        const key = aKey(`k${n}`, '-1')
        await one.keys.insert(key, undefined, anEvent('key.create'))
        await other.keys.lookUp(key.fingerprint)
        if (!(other.keys.lookUp(key.fingerprint) instanceof Promise)) fromMemory += 1
        await revokeKey(one.keys, key.id)
        assert.ok((await other.keys.lookUp(key.fingerprint))?.revocation, `round ${n}`)
        await one.keys.restore(key.id, { revokedSince: 0 }, anEvent('key.restore'))
        assert.equal((await other.keys.lookUp(key.fingerprint))?.revocation, undefined, `round ${n}`)
        await until(() => other.changes?.isFresh() === true)
      }
      assert.ok(fromMemory > ROUNDS / 2, `${fromMemory} of ${ROUNDS} from memory`)
    }))

  test('obey roles once one of them acknowledged their change', () =>
    withThreads(async (one, other) => {
      await withUsers(one, 'ann')
      for (const n of numbers(ROUNDS)) {
        await other.access.rolesOf(userId('ann'))
        const role = aRole('base', { content: { note: n } })
        await one.access.putRole(role, 'replace', anEvent('role.replace'))
        assert.equal((await other.access.rolesOf(userId('ann')))[0]?.content['note'], n)
        await until(() => other.changes?.isFresh() === true)
      }
    }))

  test('serve nothing stale that one of them acknowledged to be over', async () => {
    const url = await server.newStore()
    const proxy = await startProxy(server.port)
    const changeMemory = createChangeMemory()
    const one = await openStorage(url, { changeMemory })
    const other = await openStorage(proxy.through(url), { changeMemory, whenUnreachable: 'serve-stale' })
    try {
      const [ended, changed] = [aKey('ended', '-1'), aKey('changed', '-1')]
      for (const key of [ended, changed]) {
        await one.keys.insert(key, undefined, anEvent('key.create'))
        await other.keys.lookUp(key.fingerprint)
      }
      proxy.refuse()
      assert.equal((await other.keys.lookUp(ended.fingerprint))?.key.id, 'ended')
      await revokeKey(one.keys, ended.id)
      await assert.rejects(async () => other.keys.lookUp(ended.fingerprint), { code: 'storage.unavailable' })
    } finally {
      proxy.recover()
      await other.close()
      await one.close()
      await proxy.stop()
    }
  })
})
