import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FoundKey } from '../../core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import { aKey, aRevocation, numbers, userId } from '../contract/records.ts'
import { ENDED_CACHE_MAX, KeyMemory, type Recalled } from './key-memory.ts'

function aFound(id: string, owner = 'ann'): FoundKey {
  return { key: aKey(id, owner) }
}

/** What a fingerprint is remembered to lead to: a good key, a revoked one or nothing. */
function recall(memory: KeyMemory, fingerprint: Fingerprint): Recalled | undefined {
  const found = memory.recall(fingerprint)
  return found === undefined ? memory.recallEnd(fingerprint) : { found }
}

describe('keys in memory', () => {
  test('are remembered until they are forgotten', () => {
    const memory = new KeyMemory(10)
    const found = aFound('a')
    const { fingerprint } = found.key
    assert.equal(recall(memory, fingerprint), undefined)
    memory.remember(fingerprint, found)
    assert.equal(recall(memory, fingerprint)?.found, found)
    memory.forget(fingerprint)
    assert.equal(recall(memory, fingerprint), undefined)
  })

  test('are no more than the bound, and those in use stay', () => {
    const memory = new KeyMemory(100)
    const used = numbers(20).map((n) => aFound(`used ${n}`))
    for (const found of used) memory.remember(found.key.fingerprint, found)
    const passing = numbers(1_000).map((n) => aFound(`passing ${n}`))
    for (const found of passing) {
      memory.remember(found.key.fingerprint, found)
      for (const one of used) assert.equal(recall(memory, one.key.fingerprint)?.found, one)
    }
    const left = passing.filter((found) => recall(memory, found.key.fingerprint) !== undefined)
    assert.equal(left.length, 80)
    assert.deepEqual(left, passing.slice(-80))
  })

  test('can all be in use, and one goes nevertheless', () => {
    const memory = new KeyMemory(3)
    const all = numbers(4).map((n) => aFound(`${n}`))
    for (const found of all) {
      memory.remember(found.key.fingerprint, found)
      recall(memory, found.key.fingerprint)
    }
    assert.equal(all.filter((found) => recall(memory, found.key.fingerprint) !== undefined).length, 3)
  })

  test('are forgotten by owner', () => {
    const memory = new KeyMemory(10)
    const [ann, bob] = [aFound('a', 'ann'), aFound('b', 'bob')]
    for (const found of [ann, bob]) memory.remember(found.key.fingerprint, found)
    memory.forgetOwner(userId('ann'))
    assert.equal(recall(memory, ann.key.fingerprint), undefined)
    assert.equal(recall(memory, bob.key.fingerprint)?.found, bob)
  })

  test('never crowd out good keys by guesses, nor guesses the memory', () => {
    const memory = new KeyMemory(10)
    const good = aFound('good')
    memory.remember(good.key.fingerprint, good)
    const guesses = numbers(ENDED_CACHE_MAX + 1).map((n) => fingerprintOf(`guess ${n}`))
    for (const guess of guesses) memory.remember(guess, undefined)
    assert.equal(recall(memory, good.key.fingerprint)?.found, good)
    assert.deepEqual(
      guesses.filter((guess) => recall(memory, guess) !== undefined),
      guesses.slice(-1),
    )
  })

  test('that ended are forgotten with any change, since one of them may be good again', () => {
    const memory = new KeyMemory(10)
    const revoked = { ...aFound('revoked'), revocation: aRevocation() }
    for (const change of [
      () => memory.forget(fingerprintOf('other')),
      () => memory.forgetOwner(userId('other')),
      () => memory.forgetEnd(revoked.key.fingerprint),
      () => memory.forgetEnded(),
      () => memory.forgetAll(),
    ]) {
      memory.remember(revoked.key.fingerprint, revoked)
      assert.equal(recall(memory, revoked.key.fingerprint)?.found, revoked)
      change()
      assert.equal(recall(memory, revoked.key.fingerprint), undefined)
    }
  })
})
