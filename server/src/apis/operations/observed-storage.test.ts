import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UserId } from '../../core/ids.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { SAMPLED_ONE_IN } from './metric-table.ts'
import { createMetrics, createMetricsSlab } from './metrics.ts'
import { observedStorage, operationOf, type StoreCall, storeTimer } from './observed-storage.ts'
import { printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'
import { parsePrometheus } from './testing/prometheus-text.ts'

async function opened(t: TestContext): Promise<Storage> {
  const storage = await openStorage('sqlite::memory:')
  t.after(() => storage.close())
  return storage
}

test('the time of reads, writes and some look-ups is kept; answers stay what they are', async (t) => {
  const metrics = createMetrics([createMetricsSlab()], 0)
  const storage = observedStorage(await opened(t), storeTimer(metrics))
  assert.deepEqual(await storage.config.readOrCreate('name', { value: 1 }), { value: 1 })
  assert.deepEqual(await storage.config.read('name'), { value: 1 })
  assert.equal(await storage.users.find('nobody' as UserId), undefined)
  const unknown = fingerprintOf('kapikey-unknown')
  for (let count = 0; count < SAMPLED_ONE_IN + 1; count++)
    assert.equal(await storage.keys.lookUp(unknown), undefined)
  assert.equal(await storage.isHealthy(), true)
  const families = parsePrometheus(printMetrics(metrics.snapshot(), readProcessState('0.0.0')))
  const counts = (operation: string) =>
    families
      .get('latchkey_store_duration_seconds')
      ?.samples.get(`latchkey_store_duration_seconds_count{operation="${operation}"}`)
  assert.deepEqual(['look_up', 'read', 'search', 'write'].map(counts), [2, 2, 0, 1])
})

test('a look-up that is answered at once stays so', async (t) => {
  const plain = await opened(t)
  const storage = observedStorage(plain, storeTimer(createMetrics([createMetricsSlab()], 0)))
  const unknown = fingerprintOf('kapikey-unknown')
  for (let count = 0; count < 3 * SAMPLED_ONE_IN; count++) {
    assert.equal(
      storage.keys.lookUp(unknown) instanceof Promise,
      plain.keys.lookUp(unknown) instanceof Promise,
    )
  }
})

test('every store is shown to the observer, with its name and method', async (t) => {
  const calls: StoreCall[] = []
  const around = <T>(call: StoreCall, work: () => T): T => {
    calls.push(call)
    return work()
  }
  const storage = observedStorage(await opened(t), { around, lookUpsOneIn: 1 })
  await storage.keys.lookUp(fingerprintOf('kapikey-unknown'))
  await storage.keys.countByOwner('nobody' as UserId)
  await storage.audit.list(0, 1)
  await storage.sessions.findByFingerprint(fingerprintOf('kauth-unknown'))
  assert.deepEqual(
    calls.map(({ store, method, operation }) => `${store}.${method} ${operation}`),
    ['keys.lookUp look_up', 'keys.countByOwner read', 'audit.list read', 'sessions.findByFingerprint read'],
  )
})

test('a refusal of the store reaches the caller, and is timed', async () => {
  const metrics = createMetrics([createMetricsSlab()], 0)
  const observer = storeTimer(metrics)
  const call: StoreCall = { store: 'keys', method: 'insert', operation: 'write' }
  await assert.rejects(() => observer.around(call, () => Promise.reject(new TypeError('no'))), TypeError)
  const families = parsePrometheus(printMetrics(metrics.snapshot(), readProcessState('0.0.0')))
  const count = 'latchkey_store_duration_seconds_count{operation="write"}'
  assert.equal(families.get('latchkey_store_duration_seconds')?.samples.get(count), 1)
})

test('methods are told apart by their verb', () => {
  const of = (...methods: string[]) => methods.map(operationOf)
  assert.deepEqual(of('search', 'searchRoles', 'searchCredentials'), Array(3).fill('search'))
  assert.deepEqual(
    of('findById', 'countByOwner', 'existsWithProfile', 'list', 'read', 'usage', 'credits', 'ownerLimits'),
    Array(8).fill('read'),
  )
  assert.deepEqual(
    of('insert', 'rotate', 'spend', 'setCredits', 'readOrCreate', 'noteUses', 'setOwnerLimits', 'append'),
    Array(8).fill('write'),
  )
})
