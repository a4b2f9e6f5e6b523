import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import { numbers } from '../contract/records.ts'
import { FingerprintIndex } from './fingerprint-index.ts'

/** Fingerprints that begin alike share a bucket, however many buckets there are. */
function crowded(n: number): Fingerprint {
  return `${'0'.repeat(56)}${n.toString(16).padStart(8, '0')}` as Fingerprint
}

describe('an index of fingerprints', () => {
  test('knows the place of each, of many more than there was room for at first', () => {
    const index = new FingerprintIndex()
    const all = numbers(5_000).map((n) => fingerprintOf(`${n}`))
    for (const [place, fingerprint] of all.entries()) index.add(fingerprint, place)
    for (const [place, fingerprint] of all.entries()) assert.equal(index.placeOf(fingerprint), place)
    for (const [place, fingerprint] of all.entries()) {
      if (place % 3 !== 0) assert.equal(index.remove(fingerprint), place)
    }
    for (const [place, fingerprint] of all.entries()) {
      assert.equal(index.placeOf(fingerprint), place % 3 === 0 ? place : -1)
    }
    index.clear()
    assert.ok(all.every((fingerprint) => index.placeOf(fingerprint) === -1))
  })

  test('tells fingerprints apart by every one of their digits', () => {
    const fingerprint = fingerprintOf('some token')
    const index = new FingerprintIndex()
    index.add(fingerprint, 7)
    for (let at = 0; at < fingerprint.length; at++) {
      const digit = fingerprint[at] === 'f' ? 'e' : 'f'
      const other = fingerprint.slice(0, at) + digit + fingerprint.slice(at + 1)
      assert.equal(index.placeOf(other as Fingerprint), -1)
    }
  })

  test('answers as a Map does, whatever is added and removed, also where all fingerprints collide', () => {
    const change = fc.record({ adds: fc.boolean(), number: fc.nat(40), collides: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const index = new FingerprintIndex()
        const model = new Map<Fingerprint, number>()
        const free = [...numbers(100)]
        for (const { adds, number, collides } of changes) {
          const fingerprint = collides ? crowded(number) : fingerprintOf(`${number}`)
          const known = model.get(fingerprint) ?? -1
          assert.equal(index.placeOf(fingerprint), known)
          if (adds && known === -1) {
            const place = free.pop() ?? 0
            index.add(fingerprint, place)
            model.set(fingerprint, place)
          } else if (!adds) {
            assert.equal(index.remove(fingerprint), known)
            if (model.delete(fingerprint)) free.push(known)
          }
        }
        for (const [fingerprint, place] of model) assert.equal(index.placeOf(fingerprint), place)
      }),
    )
  })
})
