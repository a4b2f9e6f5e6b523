import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createProofMemory } from './proof-memory.ts'

const AGAIN = 'it was used before'
const FULL = 'too many others were used within two minutes'
const proof = (proofId: string, jkt = 'a') => ({ jkt, proofId })

describe('the memory of proofs', () => {
  test('knows a proof for as long as it could be good once more, and not for ever', () => {
    for (const usedAt of [0, 1, 59_999, 119_999, 120_000, 500_000]) {
      const memory = createProofMemory()
      assert.equal(memory.problemWith(proof('other'), 0), undefined)
      assert.equal(memory.problemWith(proof('1'), usedAt), undefined)
      memory.remember(proof('1'), usedAt)
      for (const laterMs of [0, 1, 60_000, 119_999, 120_000]) {
        assert.equal(memory.problemWith(proof('1'), usedAt + laterMs), AGAIN, `${usedAt} ${laterMs}`)
        assert.equal(memory.problemWith(proof('1', 'b'), usedAt + laterMs), undefined, 'of another key pair')
      }
      assert.equal(memory.problemWith(proof('1'), usedAt + 240_001), undefined)
    }
  })

  test('takes no more than it can remember, and again once those are forgotten', () => {
    const memory = createProofMemory({ proofsMax: 4, ofKeyPairMax: 3 })
    const use = (name: string, jkt: string, now: number): string | undefined => {
      const problem = memory.problemWith(proof(name, jkt), now)
      if (problem === undefined) memory.remember(proof(name, jkt), now)
      return problem
    }
    assert.deepEqual(
      [use('1', 'a', 0), use('2', 'a', 0), use('3', 'a', 130_000)],
      [undefined, undefined, undefined],
    )
    assert.equal(use('4', 'a', 130_000), FULL, 'of this key pair')
    assert.equal(use('1', 'b', 130_000), undefined, 'others have room')
    assert.equal(use('2', 'b', 130_000), FULL, 'of all')
    assert.equal(use('3', 'a', 130_000), AGAIN)
    assert.equal(use('2', 'b', 250_001), undefined)
    assert.equal(use('5', 'a', 600_000), undefined)
  })
})
