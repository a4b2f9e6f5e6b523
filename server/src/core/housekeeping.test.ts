import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { K1, openManagedKeys } from './contract/managed-keys.ts'
import { KEYS_PURGED_EVERY_MS } from './housekeeping.ts'

const DAY_MS = 86_400_000

describe('housekeeping', () => {
  test('forgets secrets that a rotation replaced, once their grace is over', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    await authority.housekeeping.runOnce()
    await authority.lifeCycle.rotate(root, K1, { graceMs: 1 })
    authority.clock.passMs(KEYS_PURGED_EVERY_MS)
    await authority.housekeeping.runOnce()
    assert.equal((await authority.storage.keys.findById(K1))?.previous, undefined)
  })

  test('forgets on which days a key was used, after the time that is set', async (t) => {
    const { authority, root, token } = await openManagedKeys(t, {}, { usageKeptMs: 2 * DAY_MS })
    await authority.verification.check(token, {})
    await authority.housekeeping.finish()
    const days = async () => (await authority.lifeCycle.usage(root, K1, 30)).length
    authority.clock.passMs(DAY_MS)
    await authority.housekeeping.runOnce()
    assert.equal(await days(), 1)
    authority.clock.passMs(3 * DAY_MS)
    await authority.housekeeping.runOnce()
    assert.equal(await days(), 0)
  })

  test('goes on after the clock was set back', async (t) => {
    const { authority, token } = await openManagedKeys(t)
    const start = authority.clock.now()
    await authority.housekeeping.runOnce()
    await authority.verification.check(token, {})
    authority.clock.setTo(start - DAY_MS)
    await authority.housekeeping.runOnce()
    assert.equal((await authority.storage.keys.findById(K1))?.lastUsedAt, start)
  })
})
