import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createNodeRandomness } from '../../system/node-randomness.ts'
import type { CoreSettings } from '../core-settings.ts'
import { createAttemptMeter } from './attempt-meter.ts'
import { createLoginThrottle } from './login-throttle.ts'
import { networkOf } from './network-of.ts'

const NOW = 1_700_000_000_000
const settings: CoreSettings = {
  apiKeyMaxTtlMs: -1,
  apiKeyMayIssueKeys: true,
  keyspaces: {},
  leakActions: { '*': 'revoke' },
  restoreWindowMs: 0,
  revokedKeptMs: 0,
  usageKeptMs: 0,
  sessionTtlMs: 3_600_000,
  sessionMaxTtlMs: -1,
  sessionGracePeriodMs: 1_000,
  tokenAlgorithm: 'HS256',
  restrictedProfileIds: [],
  loginsPerSecond: 1,
  loginsPerSecondPerAddress: 10,
  loginBurst: 3,
  openStart: false,
  failsafeMode: false,
}
const throttleOf = (changed: Partial<CoreSettings> = {}) =>
  createLoginThrottle({ ...settings, ...changed }, createNodeRandomness())

describe('the login throttle', () => {
  test('admits a burst for one account, then its rate, wherever the attempts come from', () => {
    const throttle = throttleOf()
    const attempt = (n: number, now: number) =>
      throttle.admit({ username: 'bob', address: `192.0.2.${n}` }, now)
    for (let n = 0; n < 3; n++) assert.equal(attempt(n, NOW), 0)
    assert.equal(attempt(4, NOW), 1_000)
    assert.equal(attempt(5, NOW + 400), 600)
    assert.equal(attempt(6, NOW + 1_000), 0)
    assert.equal(attempt(7, NOW + 1_000), 1_000)
    assert.equal(throttle.admit({ username: 'alice', address: '192.0.2.1' }, NOW + 1_000), 0)
  })

  test('admits from one address only its rate, whatever accounts it tries', () => {
    const throttle = throttleOf()
    const attempt = (n: number) => throttle.admit({ username: `user${n}`, address: '2001:db8::1' }, NOW)
    for (let n = 0; n < 10; n++) assert.equal(attempt(n), 0)
    assert.ok(attempt(11) > 0)
    assert.ok(throttle.admit({ username: 'z', address: '2001:db8::2:3' }, NOW) > 0, 'same network')
    assert.equal(throttle.admit({ username: 'z', address: '2001:db8:0:1::1' }, NOW), 0)
  })

  test('counts nothing for an attempt that it refuses', () => {
    const throttle = throttleOf()
    for (let n = 0; n < 500; n++) throttle.admit({ username: 'bob', address: '192.0.2.1' }, NOW)
    assert.equal(throttle.admit({ username: 'bob', address: '192.0.2.1' }, NOW + 1_000), 0)
  })

  test('forgets nobody, however many other names are tried in between', () => {
    const throttle = throttleOf({ loginsPerSecondPerAddress: 0 })
    for (let n = 0; n < 3; n++) throttle.admit({ username: 'bob' }, NOW)
    for (let n = 0; n < 20_000; n++) throttle.admit({ username: `invented ${n}` }, NOW)
    assert.equal(throttle.admit({ username: 'bob' }, NOW), 1_000)
  })

  test('refuses nobody else while thousands of names are being tried', () => {
    const throttle = throttleOf({ loginsPerSecondPerAddress: 0 })
    for (let n = 0; n < 2_000; n++) throttle.admit({ username: `invented ${n}` }, NOW)
    for (let n = 0; n < 200; n++) assert.equal(throttle.admit({ username: `honest ${n}` }, NOW), 0)
  })

  test('limits nothing where a rate is 0, or where neither account nor address is known', () => {
    const off = throttleOf({ loginsPerSecond: 0, loginsPerSecondPerAddress: 0 })
    for (let n = 0; n < 100; n++) assert.equal(off.admit({ username: 'bob', address: '192.0.2.1' }, NOW), 0)
    const on = throttleOf()
    for (let n = 0; n < 100; n++) assert.equal(on.admit({}, NOW), 0)
  })

  test('lets everybody in again at once when the clock was set back', () => {
    const throttle = throttleOf()
    for (let n = 0; n < 3; n++) throttle.admit({ username: 'bob' }, NOW)
    assert.equal(throttle.admit({ username: 'bob' }, NOW - 3_600_000), 0)
  })
})

describe('the attempt meter', () => {
  test('never lets more through than burst plus rate, and never less than the rate', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 60 })
    const rate = fc.record({
      perSecond: fc.double({ min: 0.5, max: 50, noNaN: true }),
      burst: fc.integer({ min: 1, max: 10 }),
    })
    fc.assert(
      fc.property(rate, waits, ({ perSecond, burst }, gaps) => {
        const meter = createAttemptMeter({ perSecond, burst }, 'seed')
        let now = NOW
        let admitted = 0
        for (const gap of gaps) {
          now += gap
          if (meter.nextAt('name', now) > now) continue
          meter.count('name', now)
          admitted++
        }
        const seconds = (now - NOW) / 1000
        // Each admission may be early by the millisecond to which times are rounded.
        assert.ok(admitted <= burst + seconds * perSecond + (admitted * perSecond) / 1000 + 1)
        assert.ok(meter.nextAt('name', now) <= now + 1000 / perSecond)
      }),
      { numRuns: 60 },
    )
  })
})

describe('networkOf', () => {
  test('is the address for IPv4 and the first 64 bits for IPv6, in any notation', () => {
    const cases = [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::FFFF:192.0.2.1', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
      ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
      ['2001:db8::1', '2001:db8:0:0'],
      ['::1', '0:0:0:0'],
      ['fe80::1%eth0', 'fe80:0:0:0'],
      ['', ''],
      ['unix', 'unix'],
    ] as const
    for (const [address, network] of cases) assert.equal(networkOf(address), network)
  })

  test('is the same for all addresses of a /64', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16))
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        (a, b) => {
          assert.equal(networkOf(a.join(':')), networkOf([...a.slice(0, 4), ...b].join(':')))
        },
      ),
    )
  })
})
