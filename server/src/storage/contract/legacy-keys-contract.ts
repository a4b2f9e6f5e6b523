import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { ImportedKey, LegacyProof, LegacySecret } from '../../core/ports/legacy-key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { aKnoxKey } from './knox-keys-contract.ts'
import { anEvent, auditSubjects, keyId, numbers, revokeKey, userId } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const PROOF: LegacyProof = {
  hashKey: 'hash key',
  mac: { algorithm: 'HmacSHA256', stored: 'bWFj', issueTime: 1_700_000_000_123, userName: 'ann' },
}
const ADOPTED = anEvent('key.rehash', 'key')

function imported(id: string, more: Partial<ApiKey> = {}): ImportedKey {
  return { key: aKnoxKey(id, 'ann', more), proof: PROOF, event: anEvent('key.import', id) }
}

async function secretOf({ legacyKeys }: Storage, id: string): Promise<LegacySecret> {
  const secret = await legacyKeys.find(keyId(id))
  assert.ok(secret !== undefined)
  return secret
}

/** The promises of `LegacyKeyStore`. */
export function describeLegacyKeys(withStorage: WithStorage): void {
  describe('keys that were issued elsewhere', () => {
    describeImport(withStorage)
    describeImportingAgain(withStorage)
    describeAdoption(withStorage)
    describeRotatedBefore(withStorage)
  })
}

function describeImport(withStorage: WithStorage): void {
  test(
    'are keys from then on, and can be told by what proves their token',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      const two = [imported('a', { description: 'first' }), imported('b')]
      assert.deepEqual(await legacyKeys.findOutcomes(two), ['imported', 'imported'])
      assert.equal(await keys.findById(keyId('a')), undefined)
      assert.deepEqual(await legacyKeys.importKeys(two), ['imported', 'imported'])
      assert.deepEqual(await keys.findById(keyId('a')), two[0]?.key)
      assert.equal(await keys.countByOwner(userId('ann')), 2)
      assert.deepEqual(await secretOf(storage, 'a'), {
        ...PROOF,
        id: 'a',
        owner: 'ann',
        standIn: fingerprintOf('key of a'),
      })
      assert.equal(await legacyKeys.find(keyId('c')), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.import'), ['a', 'b'])
    }),
  )

  test(
    'a key that was not imported proves nothing, and is not touched by an import',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      const key = aKnoxKey('a', 'bob')
      await keys.insertKnox(key, undefined, anEvent('key.create'))
      assert.equal(await legacyKeys.find(key.id), undefined)
      assert.deepEqual(await legacyKeys.importKeys([imported('a')]), ['present'])
      assert.deepEqual(await keys.findById(key.id), key)
      assert.equal(await legacyKeys.find(key.id), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.import'), [])
    }),
  )
}

function describeImportingAgain(withStorage: WithStorage): void {
  test(
    'stay as they are when they are imported again, but for a proof that was wrong',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      await legacyKeys.importKeys([imported('a')])
      const changed = await keys.update(
        keyId('a'),
        (key) => ({ ...key, description: 'new' }),
        anEvent('key.update'),
      )
      assert.deepEqual(await legacyKeys.importKeys([imported('a'), imported('b')]), ['present', 'imported'])
      const corrected = { ...imported('a'), proof: { ...PROOF, hashKey: 'the right one' } }
      assert.deepEqual(await legacyKeys.findOutcomes([corrected]), ['corrected'])
      assert.equal((await secretOf(storage, 'a')).hashKey, PROOF.hashKey)
      assert.deepEqual(await legacyKeys.importKeys([corrected]), ['corrected'])
      assert.equal((await secretOf(storage, 'a')).hashKey, 'the right one')
      assert.deepEqual(await keys.findById(keyId('a')), changed)
      await legacyKeys.adopt(await secretOf(storage, 'a'), fingerprintOf('token'), ADOPTED)
      assert.deepEqual(await legacyKeys.importKeys([imported('a')]), ['present'])
      assert.equal(await legacyKeys.find(keyId('a')), undefined)
    }),
  )

  test(
    'that ended never come back by an import, not even when their end is long forgotten',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      await legacyKeys.importKeys([imported('revoked'), imported('evicted', { expiresAt: 1 })])
      await revokeKey(keys, 'revoked')
      await keys.purge({ now: 9_000, revokedBefore: 9_000, usedBefore: 0, knoxExpiredBefore: 9_000 })
      assert.equal(await keys.findRevoked(keyId('revoked')), undefined)
      const both = [imported('revoked'), imported('evicted')]
      assert.deepEqual(await legacyKeys.findOutcomes(both), ['ended', 'ended'])
      assert.deepEqual(await legacyKeys.importKeys(both), ['ended', 'ended'])
      assert.equal(await keys.countByOwner(userId('ann')), 0)
    }),
  )

  test(
    'a batch is imported wholly or not at all',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      const twice = {
        ...imported('b'),
        key: aKnoxKey('b', 'ann', { fingerprint: fingerprintOf('key of a') }),
      }
      await assert.rejects(legacyKeys.importKeys([imported('a'), twice]))
      assert.equal(await keys.findById(keyId('a')), undefined)
      assert.equal(await legacyKeys.find(keyId('a')), undefined)
      assert.deepEqual(await legacyKeys.importKeys([imported('a')]), ['imported'])
    }),
  )
}

function describeAdoption(withStorage: WithStorage): void {
  test(
    'are found by the fingerprint of their token once it is known',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      const { key } = imported('a')
      await legacyKeys.importKeys([imported('a'), imported('b')])
      const fingerprint = fingerprintOf('token of a')
      assert.equal(await keys.lookUp(fingerprint), undefined)
      assert.equal(await legacyKeys.adopt(await secretOf(storage, 'a'), fingerprint, ADOPTED), true)
      assert.deepEqual(await keys.lookUp(fingerprint), { key: { ...key, fingerprint } })
      assert.equal(await keys.lookUp(key.fingerprint), undefined)
      assert.equal(await legacyKeys.find(key.id), undefined)
      assert.notEqual(await legacyKeys.find(keyId('b')), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.rehash'), ['key'])
    }),
  )

  test(
    'of 64 first uses at once exactly one stores the fingerprint',
    withStorage(async (storage) => {
      const { legacyKeys } = storage
      await legacyKeys.importKeys([imported('a')])
      const secret = await secretOf(storage, 'a')
      const adopted = await Promise.all(
        numbers(64).map(() => legacyKeys.adopt(secret, fingerprintOf('token'), ADOPTED)),
      )
      assert.equal(adopted.filter((one) => one).length, 1)
      assert.equal((await auditSubjects(storage, 'key.rehash')).length, 1)
    }),
  )

  test(
    'can be told by their proof again when they are restored',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      await legacyKeys.importKeys([imported('a')])
      const secret = await secretOf(storage, 'a')
      await revokeKey(keys, 'a')
      assert.equal(await legacyKeys.find(keyId('a')), undefined)
      assert.equal(await legacyKeys.adopt(secret, fingerprintOf('token'), ADOPTED), false)
      await keys.restore(keyId('a'), { revokedSince: 0 }, anEvent('key.restore'))
      assert.deepEqual(await secretOf(storage, 'a'), secret)
      assert.equal(await legacyKeys.adopt(secret, fingerprintOf('token'), ADOPTED), true)
    }),
  )
}

function describeRotatedBefore(withStorage: WithStorage): void {
  test(
    'rotated before its first use, the old token is known as long as the rotation lets it be',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      await legacyKeys.importKeys([imported('a')])
      const secret = await secretOf(storage, 'a')
      const to = { replaces: secret.standIn, fingerprint: fingerprintOf('new'), previousGoodUntil: 5_000 }
      await keys.rotate(keyId('a'), to, anEvent('key.rotate'))
      assert.equal(await legacyKeys.adopt(secret, fingerprintOf('old'), ADOPTED), true)
      const found = await keys.lookUp(fingerprintOf('old'))
      assert.equal(found?.goodUntil, 5_000)
      assert.equal(found?.key.fingerprint, to.fingerprint)
      assert.deepEqual(found?.key.previous, [{ fingerprint: fingerprintOf('old'), goodUntil: 5_000 }])
      assert.deepEqual(await keys.lookUp(fingerprintOf('new')), { key: found?.key })
    }),
  )

  test(
    'rotated before its first use without overlap, the old token is never known',
    withStorage(async (storage) => {
      const { keys, legacyKeys } = storage
      await legacyKeys.importKeys([imported('a')])
      const secret = await secretOf(storage, 'a')
      await keys.rotate(
        keyId('a'),
        { replaces: secret.standIn, fingerprint: fingerprintOf('new') },
        anEvent('key.rotate'),
      )
      assert.equal(await legacyKeys.adopt(secret, fingerprintOf('old'), ADOPTED), false)
      assert.equal(await keys.lookUp(fingerprintOf('old')), undefined)
      assert.equal((await keys.lookUp(fingerprintOf('new')))?.key.id, 'a')
      assert.deepEqual(await auditSubjects(storage, 'key.rehash'), [])
    }),
  )
}
