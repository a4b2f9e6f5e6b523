import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FoundKey } from '../../core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { aKey, aRevocation, numbers, userId } from '../contract/records.ts'
import { ENDED_MAX, KeyMemory, NOTHING_MAX_MS, PASSED_OVER_MAX } from './key-memory.ts'

const ANN = userId('ann')

function found(id: string): FoundKey {
  return { key: aKey(id, ANN) }
}

function learn(memory: KeyMemory, fingerprint: Fingerprint, what: FoundKey | undefined): void {
  memory.remember(memory.startLoading(fingerprint), what)
}

const fixed = (): number => 0

test('holds no more keys than it may, and drops those that nobody asked for first', () => {
  const memory = new KeyMemory(3, fixed)
  for (const id of ['a', 'b', 'c']) learn(memory, fingerprintOf(id), found(id))
  memory.recall(fingerprintOf('a'))
  for (const id of ['d', 'e']) learn(memory, fingerprintOf(id), found(id))
  const left = ['a', 'b', 'c', 'd', 'e'].filter((id) => memory.recall(fingerprintOf(id)) !== undefined)
  assert.deepEqual(left, ['a', 'd', 'e'])
  assert.equal(memory.size, 3)
})

test('remembers what came last, however many were asked for, and passes over a bounded number of them', () => {
  const max = 3 * PASSED_OVER_MAX
  const memory = new KeyMemory(max, fixed)
  const isKnown = (id: string): boolean => memory.recall(fingerprintOf(id)) !== undefined
  for (const n of numbers(max)) {
    learn(memory, fingerprintOf(`${n}`), found(`${n}`))
    assert.ok(isKnown(`${n}`))
  }
  for (const id of ['next', 'last']) {
    learn(memory, fingerprintOf(id), found(id))
    assert.ok(isKnown(id))
  }
  assert.equal(memory.size, max)
  assert.ok(isKnown('0'))
})

test('holds a bounded number of fingerprints that lead to nothing, apart from the keys', () => {
  const memory = new KeyMemory(3, fixed)
  learn(memory, fingerprintOf('good'), found('good'))
  for (const n of numbers(ENDED_MAX + 1)) learn(memory, fingerprintOf(`guess ${n}`), undefined)
  assert.ok(memory.size <= ENDED_MAX + 1)
  assert.ok(memory.recall(fingerprintOf('good')) !== undefined)
})

test('forgets after a moment that a fingerprint led to nothing, and not that a key was revoked', () => {
  let now = 0
  const memory = new KeyMemory(3, () => now)
  learn(memory, fingerprintOf('nothing'), undefined)
  learn(memory, fingerprintOf('revoked'), { ...found('revoked'), revocation: aRevocation() })
  now = NOTHING_MAX_MS - 1
  assert.deepEqual(memory.recall(fingerprintOf('nothing')), { found: undefined, until: NOTHING_MAX_MS })
  now = NOTHING_MAX_MS
  assert.equal(memory.recall(fingerprintOf('nothing')), undefined)
  assert.ok(memory.recall(fingerprintOf('revoked'))?.found?.revocation !== undefined)
})

const CHANGES: Readonly<Record<string, { readonly change: StoreChange; readonly forgets: boolean }>> = {
  'of the key': { change: { kind: 'keys', fingerprints: [fingerprintOf('k')] }, forgets: true },
  'of another key': { change: { kind: 'keys', fingerprints: [fingerprintOf('other')] }, forgets: false },
  'of its owner': { change: { kind: 'owner', owner: ANN }, forgets: true },
  'of everything': { change: { kind: 'everything' }, forgets: true },
  'of roles': { change: { kind: 'access' }, forgets: false },
  'of its session': { change: { kind: 'sessions', fingerprints: [fingerprintOf('k')] }, forgets: false },
}

for (const [what, { change, forgets }] of Object.entries(CHANGES)) {
  test(`a change ${what} ${forgets ? 'makes it forget' : 'leaves'} the key`, () => {
    for (const key of [found('k'), { ...found('k'), revocation: aRevocation() }]) {
      const memory = new KeyMemory(3, fixed)
      learn(memory, fingerprintOf('k'), key)
      memory.obey(change)
      assert.equal(memory.recall(fingerprintOf('k')) === undefined, forgets)
    }
  })

  test(`a look-up under way at a change ${what} is ${forgets ? 'not ' : ''}remembered`, () => {
    for (const key of [found('k'), undefined]) {
      const memory = new KeyMemory(3, fixed)
      const loading = memory.startLoading(fingerprintOf('k'))
      memory.obey(change)
      memory.remember(loading, key)
      assert.equal(memory.recall(fingerprintOf('k')) === undefined, forgets)
    }
  })
}

test('a change of another owner leaves a key', () => {
  const memory = new KeyMemory(3, fixed)
  learn(memory, fingerprintOf('k'), found('k'))
  memory.obey({ kind: 'owner', owner: userId('ben') })
  assert.ok(memory.recall(fingerprintOf('k')) !== undefined)
})

test('what leads to nothing is doubted at once when the store knows better, also while it is looked up', () => {
  const memory = new KeyMemory(3, fixed)
  learn(memory, fingerprintOf('a'), undefined)
  const loading = memory.startLoading(fingerprintOf('b'))
  memory.forgetEnded()
  memory.remember(loading, undefined)
  assert.equal(memory.size, 0)
})

test('a good key is remembered, however often it is doubted meanwhile what leads to nothing', () => {
  const memory = new KeyMemory(3, fixed)
  const loading = memory.startLoading(fingerprintOf('k'))
  memory.forgetEnded()
  memory.remember(loading, found('k'))
  assert.ok(memory.recall(fingerprintOf('k')) !== undefined)
})

test('a key that was seen to have ended is not remembered as good any more, whatever was heard meanwhile', () => {
  const memory = new KeyMemory(3, fixed)
  learn(memory, fingerprintOf('k'), found('k'))
  const loading = memory.startLoading(fingerprintOf('k'))
  memory.obey({ kind: 'owner', owner: userId('ben') })
  memory.remember(loading, { ...found('k'), revocation: aRevocation() })
  assert.equal(memory.recall(fingerprintOf('k')), undefined)
})
