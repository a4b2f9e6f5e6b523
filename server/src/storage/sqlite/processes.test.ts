import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import {
  aKey,
  anEvent,
  aProfile,
  aRole,
  keyId,
  numbers,
  roleId,
  userId,
  withUsers,
} from '../contract/records.ts'
import { Worker } from '../contract/worker.ts'
import { openStorage } from '../open-storage.ts'

describe('several processes on one SQLite file', () => {
  let folder: string
  let path: string
  let workers: Worker[]

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-processes-'))
    path = join(folder, 'x.db')
    workers = []
  })
  afterEach(async () => {
    for (const worker of workers) await worker.kill()
    rmSync(folder, { recursive: true })
  })

  const url = () => `sqlite:${path}`
  const start = (...task: readonly [task: string, name?: string, count?: number]) => {
    const worker = new Worker(url(), ...task)
    workers.push(worker)
    return worker
  }
  const withStorage = async (body: (storage: Storage) => Promise<void>) => {
    const storage = await openStorage(url())
    try {
      await body(storage)
    } finally {
      await storage.close()
    }
  }

  test('may all start at once on a file that does not exist yet', async () => {
    const started = numbers(4).map(() => start('obey'))
    for (const worker of started) assert.deepEqual(await worker.told(1), ['ready'])
    for (const [n, worker] of started.entries()) assert.equal(await worker.order(`key k${n}`), 'done')
    await Promise.all(started.map((worker) => worker.finished()))
    await withStorage(async ({ keys }) => assert.equal(await keys.countByOwner(userId('-1')), 4))
  })

  test('lose no update, exceed no limit and never meet a busy store', async () => {
    await withStorage(async (storage) => {
      await withUsers(storage, 'shared')
      const started = numbers(3).map((n) => start('contend', `p${n}`, 20))
      let finished = false
      const all = Promise.all(started.map((worker) => worker.finished())).finally(() => {
        finished = true
      })
      const turn = () => new Promise((resolve) => setImmediate(resolve))
      for (let seen = 0; !finished; await turn()) {
        const n = Number((await storage.users.find(userId('shared')))?.content['n'] ?? 0)
        assert.ok(n >= seen, `${n} after ${seen}`)
        seen = n
      }
      await all
      const lines = started.flatMap((worker) => worker.lines)
      assert.equal(lines.filter((line) => line === 'counted').length, 3 * 8 * 20)
      assert.deepEqual((await storage.users.find(userId('shared')))?.content, { n: 3 * 8 * 20 })
      assert.equal(lines.filter((line) => line.startsWith('stored')).length, 100)
      assert.equal(await storage.keys.countByOwner(userId('shared')), 100)
    })
  })

  test("see each other's keys, and the end of keys, from the next read on", async () => {
    await withStorage(async ({ keys }) => {
      const other = start('obey')
      await other.told(1)
      for (const n of numbers(20)) {
        const key = aKey(`k${n}`, '-1')
        await other.order(`key ${key.id}`)
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
        await other.order(`unkey ${key.id}`)
        assert.equal((await keys.lookUp(key.fingerprint))?.revocation?.reason, 'unspecified')
      }
    })
  })

  test("see each other's roles from the next read on, both ways", async () => {
    await withStorage(async ({ access }) => {
      const other = start('obey')
      await other.told(1)
      for (const n of numbers(20)) {
        await other.order(`role r theirs${n}`)
        assert.equal((await access.findRole(roleId('r')))?.content['note'], `theirs${n}`)
        const ours = aRole('r', { content: { note: `ours${n}` } })
        await access.putRole(ours, 'replace', anEvent('role.replace'))
        assert.equal(await other.order('read r'), `note ours${n}`)
      }
    })
  })

  test('see the roles of a user change with the profiles that another process gives it', async () => {
    await withStorage(async (storage) => {
      const { access } = storage
      await withUsers(storage, 'ann')
      for (const id of ['r', 's']) {
        await access.putRole(aRole(id), 'refuse', anEvent('role.create'))
        await access.putProfile(aProfile(id, [id]), 'refuse', anEvent('profile.create'))
      }
      const other = start('obey')
      await other.told(1)
      for (const id of ['r', 's', 'r', 's']) {
        assert.equal(await other.order(`profile ann ${id}`), 'done')
        assert.deepEqual(
          (await access.rolesOf(userId('ann'))).map((role) => role.id),
          [id],
        )
      }
    })
  })

  test('keep a role in memory, as the identical object, while another process changes other things', async () => {
    await withStorage(async ({ access }) => {
      const other = start('obey')
      await other.told(1)
      await access.putRole(aRole('r'), 'refuse', anEvent('role.create'))
      const role = await access.findRole(roleId('r'))
      assert.ok(role !== undefined)
      for (const order of ['key k', 'role s note', 'unkey k']) {
        assert.equal(await other.order(order), 'done')
        assert.equal(await access.findRole(roleId('r')), role)
      }
    })
  })

  test('a process killed while it writes loses nothing that it acknowledged, and nothing it revoked comes back', async () => {
    for (const round of numbers(3)) {
      const worker = start('churn', `round${round}`)
      await worker.told(1_000)
      await worker.kill()
      await withStorage((storage) => assertAcknowledged(storage, worker.lines))
      assertSound(path)
    }
  })
})

async function assertAcknowledged(storage: Storage, lines: readonly string[]): Promise<void> {
  const told = (word: string) =>
    new Set(lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1)))
  const [created, deleting, deleted] = [told('created'), told('deleting'), told('deleted')]
  assert.ok(created.size > 100 && deleted.size > 100)
  const subjects = new Set(
    (await storage.audit.list(0, 1_000_000)).map((event) => `${event.action} ${event.subject}`),
  )
  for (const id of created) {
    const found = await storage.keys.findById(keyId(id))
    if (deleted.has(id)) assert.equal(found, undefined, `${id} was deleted`)
    else if (!deleting.has(id)) assert.equal(found?.id, keyId(id), `${id} was created`)
    assert.ok(subjects.has(`key.create ${id}`))
    assert.equal(subjects.has(`key.delete ${id}`), found === undefined)
  }
}

function assertSound(path: string): void {
  const file = new DatabaseSync(path)
  try {
    const first = (sql: string) => Object.values(file.prepare(sql).get() ?? {})[0]
    assert.equal(first('PRAGMA integrity_check'), 'ok')
    assert.deepEqual(file.prepare('PRAGMA foreign_key_check').all(), [])
    const count = first("SELECT key_count FROM owner_stats WHERE owner = '-1'")
    assert.equal(first("SELECT count(*) FROM keys WHERE owner = '-1'"), count)
  } finally {
    file.close()
  }
}
