import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Worker as Thread } from 'node:worker_threads'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, keyId, numbers, withUsers } from '../contract/records.ts'
import { Worker } from '../contract/worker.ts'
import { openStorage } from '../open-storage.ts'

const THREAD = new URL('../contract/worker-thread.ts', import.meta.url)

/** Somebody else on the same file, who does what it is told and answers when the store has acknowledged it. */
type Other = { readonly order: (line: string) => Promise<unknown>; readonly end: () => Promise<void> }

async function startProcess(url: string): Promise<Other> {
  const process = new Worker(url, 'obey')
  await process.told(1)
  return { order: (line) => process.order(line), end: () => process.kill() }
}

async function startThread(url: string): Promise<Other> {
  const thread = new Thread(THREAD, { workerData: url })
  assert.deepEqual(await once(thread, 'message'), ['ready'])
  const order = async (line: string) => {
    thread.postMessage(line)
    const [answer] = await once(thread, 'message')
    return answer
  }
  return {
    order,
    end: async () => {
      assert.equal(await order('end'), 'ended')
      await thread.terminate()
    },
  }
}

let folder: string
let url: string
let storage: Storage

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-keys-'))
  url = `sqlite:${join(folder, 'x.db')}`
  storage = await openStorage(url)
})
afterEach(async () => {
  await storage.close()
  rmSync(folder, { recursive: true })
})

const insert = (id: string, owner = '-1') =>
  storage.keys.insert(aKey(id, owner), undefined, anEvent('key.create'))

/** What the secret of a key leads to here, as other processes tell it. */
async function see(id: string): Promise<string> {
  const found = await storage.keys.lookUp(aKey(id, '-1').fingerprint)
  if (found === undefined) return 'nothing'
  return found.revocation === undefined ? found.key.description : 'a revoked key'
}

for (const [kind, start] of [
  ['process', startProcess],
  ['thread', startThread],
] as const) {
  describe(`keys that another ${kind} changes`, () => {
    let other: Other

    beforeEach(async () => {
      other = await start(url)
    })
    afterEach(() => other.end())

    const obeyed = async (line: string) => assert.equal(await other.order(line), 'done')

    test('are never good again once their revocation was acknowledged there', async () => {
      const ids = numbers(40).map((n) => `k${n}`)
      await Promise.all(ids.map((id) => insert(id)))
      for (const id of ids) {
        assert.equal(await see(id), `key ${id}`)
        await obeyed(`unkey ${id}`)
        assert.equal(await see(id), 'a revoked key')
      }
    })

    test('are seen as they are while this one looks them up all the time', async () => {
      await insert('k')
      let isOver = false
      const turn = () => new Promise((resolve) => setImmediate(resolve))
      const looking = (async () => {
        for (; !isOver; await turn()) await see('k')
      })()
      try {
        for (const n of numbers(30)) {
          await obeyed(`describe k v${n}`)
          assert.equal(await see('k'), `v${n}`)
          await obeyed('unkey k')
          assert.equal(await see('k'), 'a revoked key')
          await obeyed('rekey k')
          assert.equal(await see('k'), `v${n}`)
        }
      } finally {
        isOver = true
        await looking
      }
    })

    test('are seen there as they are when this one changes them', async () => {
      for (const n of numbers(10)) {
        assert.equal(await other.order(`see k${n}`), 'sees nothing')
        await insert(`k${n}`)
        assert.equal(await other.order(`see k${n}`), `sees key k${n}`)
        const revocation = { at: 1, by: aKey('', '').owner, reason: 'unspecified' } as const
        await storage.keys.revoke(keyId(`k${n}`), { revocation }, anEvent('key.delete'))
        assert.equal(await other.order(`see k${n}`), 'sees a revoked key')
      }
    })

    test('are seen with their rotations, limits, last uses, purges and the end of their owners', async () => {
      await withUsers(storage, 'ann')
      await insert('k', 'ann')
      await storage.keys.update(
        keyId('k'),
        (key) => ({ ...key, policy: { idleTimeoutMs: 5 } }),
        anEvent('key.update'),
      )
      const look = async (id: string) => storage.keys.lookUp(aKey(id, '').fingerprint)
      assert.equal(await look('new'), undefined)
      assert.equal((await look('k'))?.goodUntil, undefined)
      await obeyed('rotate k new')
      assert.equal((await look('k'))?.goodUntil, 9_000)
      assert.equal((await look('new'))?.key.id, 'k')
      await obeyed('limit ann 7')
      for (const id of ['k', 'new']) assert.equal((await look(id))?.ownerLimits?.[0]?.limit, 7)
      await obeyed('use k 7700')
      for (const id of ['k', 'new']) assert.equal((await look(id))?.key.lastUsedAt, 7_700)
      await obeyed('unuser ann')
      for (const id of ['k', 'new']) {
        assert.equal((await look(id))?.revocation?.reason, 'cessationOfOperation')
      }
      await obeyed('purge')
      for (const id of ['k', 'new']) assert.equal(await look(id), undefined)
    })
  })
}

describe('budgets that several processes spend', () => {
  const budgets = [
    { id: 'budget', credits: { initial: 50 } },
    { id: 'refilled', credits: { initial: 0, refill: { interval: 'every', everyMs: 1_000, amount: 60 } } },
  ] as const

  test('are spent exactly, however many spend at once', { timeout: 120_000 }, async (t) => {
    for (const { id, credits } of budgets) {
      await storage.keys.insert(aKey(id, '-1', { policy: { credits } }), undefined, anEvent('key.create'))
    }
    const workers = numbers(3).map(() => new Worker(url, 'spend'))
    t.after(() => Promise.all(workers.map((worker) => worker.kill())))
    await Promise.all(workers.map((worker) => worker.finished()))
    const lines = workers.flatMap((worker) => worker.lines)
    assert.equal(lines.filter((line) => line === 'spent budget').length, 50)
    assert.equal(lines.filter((line) => line === 'spent refilled').length, 60)
    for (const { id } of budgets) assert.equal((await storage.keys.credits(keyId(id), 2_000))?.remaining, 0)
  })

  test('have lost what was spent, and nothing else, when a process is killed', {
    timeout: 120_000,
  }, async (t) => {
    const credits = { initial: 1_000_000 }
    for (const { id } of budgets) {
      await storage.keys.insert(aKey(id, '-1', { policy: { credits } }), undefined, anEvent('key.create'))
    }
    const worker = new Worker(url, 'spend')
    t.after(() => worker.kill())
    await worker.told(300)
    await worker.kill()
    const told = worker.lines.filter((line) => line === 'spent budget').length
    const { remaining = Number.NaN } = (await storage.keys.credits(keyId('budget'), 2_000)) ?? {}
    // What was on disk already when the process died may have been told to nobody: one spending of each lane.
    assert.ok(remaining <= credits.initial - told && remaining >= credits.initial - told - 8, `${remaining}`)
  })
})
