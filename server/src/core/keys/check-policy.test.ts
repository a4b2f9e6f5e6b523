import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DomainError } from '../errors.ts'
import { INSTANT_MAX } from '../record.ts'
import {
  CREDITS_MAX,
  checkLimits,
  checkMetadata,
  checkPolicy,
  METADATA_DEPTH_MAX,
  POLICY_SPAN_MS_MAX,
  REFILL_EVERY_MS_MIN,
  USES_PER_MS_MAX,
} from './check-policy.ts'
import { ADDRESSES_MAX, type KeyPolicy, LIMITS_MAX, METADATA_BYTES_MAX, SCOPES_MAX } from './policy.ts'
import { COST_MAX } from './verdict.ts'

const NOW = 1_790_000_000_000

const FULL: KeyPolicy = {
  scopes: ['invoices:*', '*', 'a.b-c_d:x'],
  addresses: ['192.0.2.0/24', '2001:db8::1'],
  window: { notBefore: NOW, days: ['mon', 'sun'], from: 540, to: 1_020, timeZone: 'Europe/Berlin' },
  idleTimeoutMs: 86_400_000,
  limits: [
    { name: 'requests', limit: 10, windowMs: 1_000 },
    { name: 'images.per_day', limit: 100, windowMs: 86_400_000, automatic: false },
  ],
  credits: { initial: 0, refill: { amount: 10, interval: 'monthly', day: 31 } },
}

/** A policy as it may come from a client that knows no types. */
function parsed(policy: unknown): KeyPolicy {
  return policy as KeyPolicy
}

function passes(policy: unknown): void {
  checkPolicy(parsed(policy), NOW)
}

function refuses(policy: unknown, member: string, problem = /./): void {
  assert.throws(
    () => checkPolicy(parsed(policy), NOW),
    (error) => {
      assert.ok(error instanceof DomainError)
      assert.equal(error.code, 'policy.invalid')
      assert.equal(error.facts['member'], member)
      assert.match(String(error.facts['problem']), problem)
      return true
    },
  )
}

const limits = (changed: object) => ({ limits: [{ name: 'a', limit: 10, windowMs: 1_000, ...changed }] })
const credits = (refill: unknown) => ({ credits: { initial: 1, refill } })

describe('checkPolicy', () => {
  test('takes what may be in a policy, and an empty one', () => {
    passes(FULL)
    passes({})
    passes({ scopes: [], limits: [] })
    passes({ window: { notBefore: NOW } })
    passes({ window: { from: 1_320, to: 360 } })
    passes({ window: { to: 1_440 } })
    passes({ credits: { initial: CREDITS_MAX } })
    passes(credits({ amount: 1, interval: 'daily' }))
    passes(credits({ amount: 1, interval: 'every', everyMs: REFILL_EVERY_MS_MIN }))
    passes({ scopes: undefined, limits: undefined })
  })

  test('refuses members that it does not know, wherever, so that no misspelt restriction is lost', () => {
    refuses({ scope: [] }, 'scope', /not known/)
    refuses({ ...FULL, constructor: 1 }, 'constructor', /not known/)
    refuses(JSON.parse('{"__proto__": {"scopes": []}}'), '__proto__', /not known/)
    refuses({ window: { from: 1, timezone: 'UTC' } }, 'window.timezone', /not known/)
    refuses(limits({ window: 1 }), 'limits[0].window', /not known/)
    refuses({ credits: { initial: 1, refil: {} } }, 'credits.refil', /not known/)
    refuses(credits({ amount: 1, interval: 'daily', day: 3 }), 'credits.refill.day', /not known/)
    refuses(
      credits({ amount: 1, interval: 'monthly', everyMs: 3_000, day: 1 }),
      'credits.refill.everyMs',
      /not known/,
    )
  })

  test('refuses members of a wrong type, for any value', () => {
    const text = fc.string()
    const member = fc.constantFrom(
      'scopes',
      'addresses',
      'window',
      'confirmation',
      'idleTimeoutMs',
      'limits',
      'credits',
    )
    const wrong = fc.oneof(
      text,
      fc.boolean(),
      fc.constant(null),
      fc.double({ max: 0 }),
      fc.constant(Number.NaN),
    )
    fc.assert(fc.property(member, wrong, (name, value) => refuses({ [name]: value }, name)))
    for (const policy of [null, [], 'x', 1]) refuses(policy, 'policy', /not an object/)
    refuses({ scopes: [1] }, 'scopes[0]')
    refuses({ addresses: [null] }, 'addresses[0]')
    refuses({ limits: ['x'] }, 'limits[0]')
    refuses({ window: { days: 'mon' } }, 'window.days')
    refuses(limits({ automatic: 'yes' }), 'limits[0].automatic')
  })

  test('refuses what is missing', () => {
    refuses({ limits: [{ limit: 1, windowMs: 1 }] }, 'limits[0].name', /missing/)
    refuses({ limits: [{ name: 'a', windowMs: 1 }] }, 'limits[0].limit', /missing/)
    refuses({ limits: [{ name: 'a', limit: 1 }] }, 'limits[0].windowMs', /missing/)
    refuses({ credits: {} }, 'credits.initial', /missing/)
    refuses(credits({ interval: 'daily' }), 'credits.refill.amount', /missing/)
    refuses(credits({ amount: 1 }), 'credits.refill.interval', /missing/)
    refuses(credits({ amount: 1, interval: 'monthly' }), 'credits.refill.day', /missing/)
    refuses(credits({ amount: 1, interval: 'every' }), 'credits.refill.everyMs', /missing/)
  })

  test('refuses scopes and networks that are none, and more than there may be', () => {
    refuses({ scopes: ['a:b', 'invoices'] }, 'scopes[1]')
    refuses({ addresses: ['10.0.0.0/8', '10.0.0.0/33'] }, 'addresses[1]')
    refuses({ addresses: [] }, 'addresses', /empty/)
    passes({ scopes: Array.from({ length: SCOPES_MAX }, () => 'a:b') })
    refuses({ scopes: Array.from({ length: SCOPES_MAX + 1 }, () => 'a:b') }, 'scopes', /more than 1000/)
    passes({ addresses: Array.from({ length: ADDRESSES_MAX }, () => '::1') })
    refuses(
      { addresses: Array.from({ length: ADDRESSES_MAX + 1 }, () => '::1') },
      'addresses',
      /more than 100/,
    )
  })

  test('takes thumbprints to be bound to, and refuses what is none', () => {
    const thumbprint = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
    passes({ confirmation: { x5tS256: thumbprint } })
    passes({ confirmation: { jkt: thumbprint, x5tS256: thumbprint } })
    refuses({ confirmation: {} }, 'confirmation', /binds the key to nothing/)
    refuses({ confirmation: { jkt: undefined } }, 'confirmation', /binds the key to nothing/)
    refuses({ confirmation: { kid: thumbprint } }, 'confirmation.kid', /not known/)
    const wrong = [
      '',
      `${thumbprint}=`,
      thumbprint.slice(1),
      `${thumbprint.slice(1)}+`,
      `${thumbprint.slice(1)}B`,
      1,
    ]
    for (const jkt of wrong) refuses({ confirmation: { jkt } }, 'confirmation.jkt', /43 characters/)
  })

  test('refuses windows that mean nothing, or never open', () => {
    refuses({ window: {} }, 'window', /restricts nothing/)
    refuses({ window: { timeZone: 'UTC' } }, 'window', /neither days nor times/)
    refuses({ window: { from: 5, to: 5 } }, 'window', /never open/)
    refuses({ window: { to: 0 } }, 'window', /never open/)
    refuses({ window: { from: 1_440 } }, 'window.from')
    refuses({ window: { to: 1_441 } }, 'window.to')
    refuses({ window: { from: 1.5 } }, 'window.from')
    refuses({ window: { days: [] } }, 'window.days', /empty/)
    refuses({ window: { days: ['monday'] } }, 'window.days[0]')
    refuses({ window: { days: ['mon', 'mon'] } }, 'window.days[1]', /twice/)
    refuses({ window: { from: 1, timeZone: 'Europe/Nowhere' } }, 'window.timeZone')
    refuses({ window: { from: 1, timeZone: '+01:00' } }, 'window.timeZone')
  })

  test('refuses instants that are most likely seconds or microseconds', () => {
    refuses({ window: { notBefore: NOW / 1_000 } }, 'window.notBefore')
    refuses({ window: { notBefore: NOW * 1_000 } }, 'window.notBefore')
    refuses({ window: { notBefore: INSTANT_MAX + 1 } }, 'window.notBefore')
    passes({ window: { notBefore: NOW - 86_400_000 } })
    passes({ window: { notBefore: NOW + 86_400_000 } })
  })

  test('refuses idle timeouts out of range', () => {
    passes({ idleTimeoutMs: 1 })
    passes({ idleTimeoutMs: POLICY_SPAN_MS_MAX })
    for (const span of [0, -1, 1.5, POLICY_SPAN_MS_MAX + 1, Number.POSITIVE_INFINITY]) {
      refuses({ idleTimeoutMs: span }, 'idleTimeoutMs')
    }
  })

  test('refuses limits that cannot be counted', () => {
    for (const name of ['', 'a b', 'a:b', 'é', 'x'.repeat(65), 'a\n'])
      refuses(limits({ name }), 'limits[0].name')
    passes(limits({ name: 'A-z_0.9' }))
    passes(limits({ name: 'x'.repeat(64) }))
    for (const limit of [0, -1, 0.5, COST_MAX + 1]) refuses(limits({ limit }), 'limits[0].limit')
    for (const windowMs of [0, -1, 0.5, POLICY_SPAN_MS_MAX + 1])
      refuses(limits({ windowMs }), 'limits[0].windowMs')
    passes(limits({ limit: USES_PER_MS_MAX, windowMs: 1 }))
    refuses(limits({ limit: USES_PER_MS_MAX + 1, windowMs: 1 }), 'limits[0]', /per millisecond/)
    refuses(limits({ limit: COST_MAX, windowMs: POLICY_SPAN_MS_MAX }), 'limits[0]', /too large/)
  })

  test('refuses limits of one name, and more than there may be', () => {
    const [first] = limits({}).limits
    refuses({ limits: [first, first] }, 'limits[1].name', /another limit/)
    const many = Array.from({ length: LIMITS_MAX + 1 }, (_, index) => ({ ...first, name: `l${index}` }))
    passes({ limits: many.slice(1) })
    refuses({ limits: many }, 'limits', /more than 20/)
  })

  test('refuses budgets out of range', () => {
    for (const initial of [-1, 1.5, CREDITS_MAX + 1, '5'])
      refuses({ credits: { initial } }, 'credits.initial')
    refuses(credits({ amount: 0, interval: 'daily' }), 'credits.refill.amount')
    refuses(credits({ amount: 1, interval: 'weekly' }), 'credits.refill.interval')
    for (const day of [0, 32, 1.5])
      refuses(credits({ amount: 1, interval: 'monthly', day }), 'credits.refill.day')
    for (const everyMs of [REFILL_EVERY_MS_MIN - 1, POLICY_SPAN_MS_MAX + 1]) {
      refuses(credits({ amount: 1, interval: 'every', everyMs }), 'credits.refill.everyMs')
    }
  })
})

describe('checkLimits', () => {
  test('holds limits of an owner to the same rules', () => {
    checkLimits([{ name: 'all', limit: 1, windowMs: 1_000 }])
    checkLimits([])
    assert.throws(() => checkLimits([{ name: '', limit: 1, windowMs: 1_000 }]), { code: 'policy.invalid' })
  })
})

describe('checkMetadata', () => {
  const refusesMetadata = (metadata: unknown, problem: RegExp): void => {
    assert.throws(
      () => checkMetadata(metadata),
      (error) => {
        assert.ok(error instanceof DomainError)
        assert.equal(error.code, 'metadata.invalid')
        assert.match(String(error.facts['problem']), problem)
        return true
      },
    )
  }
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) })

  test('takes any JSON object of the right size', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }), (metadata) => {
        fc.pre(Buffer.byteLength(JSON.stringify(metadata)) <= METADATA_BYTES_MAX)
        checkMetadata(metadata)
      }),
    )
    checkMetadata({})
    checkMetadata(nested(METADATA_DEPTH_MAX))
    checkMetadata({ a: 'x'.repeat(METADATA_BYTES_MAX - 8) })
  })

  test('refuses what is no object, too large or too deep', () => {
    for (const metadata of [null, undefined, [], 'x', 1]) refusesMetadata(metadata, /not an object/)
    refusesMetadata({ a: 'x'.repeat(METADATA_BYTES_MAX - 7) }, /16385 bytes/)
    refusesMetadata({ a: 'é'.repeat(METADATA_BYTES_MAX / 2) }, /bytes/)
    refusesMetadata(nested(METADATA_DEPTH_MAX + 1), /more than 32 levels/)
  })

  test('refuses what would not come back as it was given', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const wrong = [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      () => 1,
      Symbol('s'),
      1n,
      new Date(0),
      new Map(),
    ]
    for (const value of wrong) refusesMetadata({ a: value }, /JSON cannot say/)
    refusesMetadata({ a: [undefined] }, /JSON cannot say/)
    refusesMetadata(circle, /JSON cannot say/)
  })
})
