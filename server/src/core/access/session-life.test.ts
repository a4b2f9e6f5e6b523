import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CoreSettings } from '../core-settings.ts'
import { INSTANT_MAX } from '../record.ts'
import { sessionLife } from './session-life.ts'

const NOW = 1_700_000_000_000
type Life = Pick<CoreSettings, 'sessionTtlMs' | 'sessionMaxTtlMs'>
const lifeOf = (asked: number | undefined, life: Partial<Life> = {}) =>
  sessionLife({ sessionTtlMs: 3_600_000, sessionMaxTtlMs: -1, ...life }, asked, NOW)

describe('the life of a session', () => {
  test('is as asked, else as configured', () => {
    assert.deepEqual(lifeOf(undefined), { ttlMs: 3_600_000, expiresAt: NOW + 3_600_000 })
    assert.deepEqual(lifeOf(1), { ttlMs: 1, expiresAt: NOW + 1 })
    assert.deepEqual(lifeOf(-1), {})
    assert.deepEqual(lifeOf(undefined, { sessionTtlMs: -1 }), {})
  })

  test('may not be asked for beyond the maximum, nor be infinite where there is one', () => {
    for (const asked of [2_001, -1]) {
      assert.throws(() => lifeOf(asked, { sessionMaxTtlMs: 2_000 }), { code: 'session.ttl_exceeded' })
    }
    assert.deepEqual(lifeOf(2_000, { sessionMaxTtlMs: 2_000 }), { ttlMs: 2_000, expiresAt: NOW + 2_000 })
  })

  test('is cut to the maximum when the client named none', () => {
    const cut = { ttlMs: 2_000, expiresAt: NOW + 2_000 }
    assert.deepEqual(lifeOf(undefined, { sessionMaxTtlMs: 2_000 }), cut)
    assert.deepEqual(lifeOf(undefined, { sessionMaxTtlMs: 2_000, sessionTtlMs: -1 }), cut)
  })

  test('is a whole number of ms that a date can hold', () => {
    for (const asked of [0, -2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, INSTANT_MAX]) {
      assert.throws(() => lifeOf(asked), { code: 'session.ttl_invalid' }, String(asked))
    }
  })
})
