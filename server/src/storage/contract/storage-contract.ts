import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import { describeAccessStore } from './access-store-contract.ts'
import { describeAuditStore } from './audit-store-contract.ts'
import { describeConfigStore } from './config-store-contract.ts'
import { describeCredentials } from './credentials-contract.ts'
import { describeCredits } from './credits-contract.ts'
import { describeIdempotency } from './idempotency-contract.ts'
import { describeKeyLifeCycle } from './key-life-cycle-contract.ts'
import { describeKeyListing } from './key-listing-contract.ts'
import { describeKeyLookUp } from './key-look-up-contract.ts'
import { describeKeyRotation } from './key-rotation-contract.ts'
import { describeKeyStore } from './key-store-contract.ts'
import { describeKnoxKeys } from './knox-keys-contract.ts'
import { describeLegacyKeys } from './legacy-keys-contract.ts'
import { aKey, anEvent, keyId, numbers, refusal, userId } from './records.ts'
import { describeScrollStore } from './scroll-store-contract.ts'
import { describeSearches, type SearchEffort } from './search-contract.ts'
import { describeSessionStore } from './session-store-contract.ts'
import { describeUsage } from './usage-contract.ts'
import { describeUserStore } from './user-store-contract.ts'
import type { WithStorage } from './with-storage.ts'

/**
 * What every storage driver promises, as tests: the documents of `core/ports`, executed.
 *
 * `open` gives a new, empty storage each time; the suite closes it. `effort`: how many random searches are tried.
 */
export function describeStorageContract(
  name: string,
  open: () => Promise<Storage>,
  effort: SearchEffort = { stores: 40, searchesPerStore: 500 },
): void {
  const withStorage: WithStorage = (body) => async () => {
    const storage = await open()
    try {
      await body(storage)
    } finally {
      await storage.close()
    }
  }
  describe(`storage contract: ${name}`, () => {
    describeKeyStore(withStorage)
    describeKeyLookUp(withStorage)
    describeKeyLifeCycle(withStorage)
    describeKeyRotation(withStorage)
    describeCredits(withStorage)
    describeUsage(withStorage)
    describeKeyListing(withStorage)
    describeKnoxKeys(withStorage)
    describeLegacyKeys(withStorage)
    describeUserStore(withStorage)
    describeCredentials(withStorage)
    describeAccessStore(withStorage)
    describeSessionStore(withStorage)
    describeAuditStore(withStorage)
    describeConfigStore(withStorage)
    describeIdempotency(withStorage)
    describeScrollStore(withStorage)
    describeSearches(withStorage, effort)
    describeLife(open)
  })
}

function describeLife(open: () => Promise<Storage>): void {
  test('is healthy while open, and unhealthy once closed', async () => {
    const storage = await open()
    assert.equal(await storage.isHealthy(), true)
    await storage.close()
    assert.equal(await storage.isHealthy(), false)
  })

  test('finishes the changes that were accepted before it was closed', async () => {
    const storage = await open()
    const inserts = numbers(20).map((n) =>
      storage.keys.insert(aKey(`k${n}`, '-1'), undefined, anEvent('key.create')),
    )
    await storage.close()
    await Promise.all(inserts)
  })

  test('refuses everything with "storage.unavailable" once closed', async () => {
    const storage = await open()
    await storage.close()
    await refusal(storage.keys.findById(keyId('k')), 'storage.unavailable')
    await assert.rejects(async () => storage.keys.lookUp(aKey('k', '-1').fingerprint), {
      code: 'storage.unavailable',
    })
    await refusal(storage.users.find(userId('u')), 'storage.unavailable')
    await refusal(
      storage.keys.insert(aKey('k', '-1'), undefined, anEvent('key.create')),
      'storage.unavailable',
    )
  })

  test('may be closed twice', async () => {
    const storage = await open()
    await storage.close()
    await storage.close()
  })
}
