import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { KeyId, UserId } from '../ids.ts'
import type { ApiKey, FoundKey } from './api-key.ts'
import { fingerprintOf } from './fingerprint.ts'
import { explainJudgement, explainNoKey, type JudgeFacts, judge } from './judge.ts'
import { parsePermissionQuery } from './permission-query.ts'
import type { KeyPolicy } from './policy.ts'
import { createRateCounters } from './rate-limits.ts'
import type { CheckStep, KeyCheck, RefusalReason } from './verdict.ts'

const NOW = Date.parse('2026-06-03T12:00:00Z')
const OWNER = 'bob' as UserId
const KEY: ApiKey = {
  id: 'k1' as KeyId,
  owner: OWNER,
  description: 'of the tests',
  fingerprint: fingerprintOf('of the tests'),
  record: { createdBy: OWNER, createdAt: NOW - 1_000 },
}
const FOUND: FoundKey = { key: KEY }
const FACTS: JudgeFacts = { now: NOW, ownerGrants: () => true }

const CHECKS = [
  'known',
  'revoked',
  'disabled',
  'expired',
  'address',
  'window',
  'confirmation',
  'permissions',
  'limits',
  'credits',
] as const
const THUMBPRINT = 'A'.repeat(43)
const OTHER_THUMBPRINT = `B${'A'.repeat(42)}`
const READ = parsePermissionQuery('invoices:read')

function withPolicy(policy: KeyPolicy): FoundKey {
  return { key: { ...KEY, policy } }
}

function refusalOf(
  found: FoundKey | undefined,
  check: KeyCheck = {},
  facts: Partial<JudgeFacts> = {},
): RefusalReason | undefined {
  return judge(found, check, { ...FACTS, ...facts }).refusal
}

/** One thing that is wrong, and what is answered when it is all that is. */
type Fault = {
  readonly reason: RefusalReason
  readonly step: CheckStep['check']
  readonly found?: (found: FoundKey) => FoundKey
  readonly policy?: KeyPolicy
  readonly check?: KeyCheck
  readonly facts?: Partial<JudgeFacts>
}

const inKey =
  (change: Partial<ApiKey>) =>
  (found: FoundKey): FoundKey => ({ ...found, key: { ...found.key, ...change } })

/** In the order in which they are judged. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'not good yet': { reason: 'unknown', step: 'known', found: (found) => ({ ...found, goodFrom: NOW + 1 }) },
  'replaced by a rotation': {
    reason: 'unknown',
    step: 'known',
    found: (found) => ({ ...found, goodUntil: NOW }),
  },
  revoked: {
    reason: 'revoked',
    step: 'revoked',
    found: (found) => ({ ...found, revocation: { at: NOW - 1, by: OWNER, reason: 'keyCompromise' } }),
  },
  disabled: { reason: 'disabled', step: 'disabled', found: inKey({ disabled: { at: NOW - 1, by: OWNER } }) },
  expired: { reason: 'expired', step: 'expired', found: inKey({ expiresAt: NOW }) },
  'not used for too long': { reason: 'expired', step: 'expired', policy: { idleTimeoutMs: 1_000 } },
  'from another address': {
    reason: 'forbidden',
    step: 'address',
    policy: { addresses: ['192.0.2.0/24'] },
    check: { address: '198.51.100.1' },
  },
  'at another time': { reason: 'forbidden', step: 'window', policy: { window: { days: ['sun'] } } },
  'without the certificate that it is bound to': {
    reason: 'forbidden',
    step: 'confirmation',
    policy: { confirmation: { x5tS256: THUMBPRINT } },
    check: { shown: { x5tS256: OTHER_THUMBPRINT } },
  },
  'not permitted by its scopes': {
    reason: 'insufficient',
    step: 'permissions',
    policy: { scopes: ['invoices:write'] },
    check: { permissions: READ },
  },
  'not permitted to its owner': {
    reason: 'insufficient',
    step: 'permissions',
    check: { permissions: READ },
    facts: { ownerGrants: () => false },
  },
}

function judgeAll(faults: readonly Fault[]): readonly [FoundKey, KeyCheck, JudgeFacts] {
  const policy: KeyPolicy = Object.assign({}, ...faults.map((fault) => fault.policy ?? {}))
  let found = withPolicy(policy)
  for (const fault of faults) found = fault.found?.(found) ?? found
  const check: KeyCheck = Object.assign({}, ...faults.map((fault) => fault.check ?? {}))
  return [found, check, Object.assign({}, FACTS, ...faults.map(({ facts }) => facts ?? {}))]
}

function firstRefused(steps: readonly CheckStep[]): CheckStep | undefined {
  return steps.find(({ outcome }) => outcome === 'refused')
}

const REASONS: Readonly<Record<CheckStep['check'], RefusalReason>> = {
  known: 'unknown',
  revoked: 'revoked',
  disabled: 'disabled',
  expired: 'expired',
  address: 'forbidden',
  window: 'forbidden',
  confirmation: 'forbidden',
  permissions: 'insufficient',
  limits: 'rate_limited',
  credits: 'usage_exceeded',
}

describe('judge', () => {
  test('refuses a key that nobody knows', () => {
    assert.equal(refusalOf(undefined), 'unknown')
    assert.equal(refusalOf(undefined, { permissions: READ, address: 'x' }), 'unknown')
  })

  test('lets a key without a policy do what its owner may', () => {
    assert.equal(refusalOf(FOUND), undefined)
    assert.equal(refusalOf(FOUND, { permissions: READ }), undefined)
  })

  for (const [name, fault] of Object.entries(FAULTS)) {
    test(`answers "${fault.reason}" for a key that is ${name}`, () => {
      assert.equal(judge(...judgeAll([fault])).refusal, fault.reason)
    })
  }

  test('answers for the earlier of any two faults, and so does the explanation', () => {
    const faults = Object.values(FAULTS)
    for (const [index, earlier] of faults.entries()) {
      for (const later of faults.slice(index + 1)) {
        for (const both of [
          [earlier, later],
          [later, earlier],
        ]) {
          const judged = judgeAll(both)
          assert.equal(judge(...judged).refusal, earlier.reason)
          assert.equal(firstRefused(explainJudgement(...judged))?.check, earlier.step)
        }
      }
    }
  })

  test('is exact to the millisecond about the times of key and secret', () => {
    assert.equal(refusalOf({ ...FOUND, goodFrom: NOW }), undefined)
    assert.equal(refusalOf({ ...FOUND, goodUntil: NOW + 1 }), undefined)
    assert.equal(refusalOf({ key: { ...KEY, expiresAt: NOW + 1 } }), undefined)
  })

  test('counts the idle timeout from creation or the last use, as the key or this process knows it', () => {
    const idle = withPolicy({ idleTimeoutMs: 1_000 })
    assert.equal(refusalOf(idle, {}, { now: NOW - 1 }), undefined)
    assert.equal(refusalOf(idle), 'expired')
    assert.equal(refusalOf(idle, {}, { lastUsedAt: NOW - 999 }), undefined)
    const used: FoundKey = { key: { ...idle.key, lastUsedAt: NOW - 999 } }
    assert.equal(refusalOf(used), undefined)
    assert.equal(refusalOf(used, {}, { lastUsedAt: NOW - 5_000 }), undefined)
    assert.equal(refusalOf(used, {}, { now: NOW + 1 }), 'expired')
  })

  test('refuses a key that is bound to addresses when the address is not known', () => {
    const bound = withPolicy({ addresses: ['0.0.0.0/0', '::/0'] })
    assert.equal(refusalOf(bound), 'forbidden')
    assert.equal(refusalOf(bound, { address: 'garbage' }), 'forbidden')
    assert.equal(refusalOf(bound, { address: '::ffff:192.0.2.1' }), undefined)
  })

  test('wants scopes and owner to permit each permission of a query', () => {
    const narrowed = withPolicy({ scopes: ['invoices:*'] })
    const asks = (query: string): KeyCheck => ({ permissions: parsePermissionQuery(query) })
    const ownerGrants = (controller: string, action: string) => controller === 'orders' || action === 'read'
    assert.equal(refusalOf(narrowed, asks('invoices:read'), { ownerGrants }), undefined)
    assert.equal(refusalOf(narrowed, asks('invoices:write'), { ownerGrants }), 'insufficient')
    assert.equal(refusalOf(narrowed, asks('orders:read'), { ownerGrants }), 'insufficient')
    assert.equal(refusalOf(narrowed, asks('orders:read OR invoices:read'), { ownerGrants }), undefined)
    assert.equal(refusalOf(narrowed, asks('orders:read AND invoices:read'), { ownerGrants }), 'insufficient')
    assert.equal(refusalOf(withPolicy({ scopes: [] }), {}), undefined)
    assert.equal(refusalOf(withPolicy({ scopes: [] }), asks('invoices:read')), 'insufficient')
  })
})

describe('what a judgement leaves to be taken', () => {
  const limit = (name: string, automatic?: boolean) => ({
    name,
    limit: 5,
    windowMs: 1_000,
    ...(automatic !== undefined && { automatic }),
  })
  const limited: FoundKey = {
    key: { ...KEY, policy: { limits: [limit('requests'), limit('images', false)] } },
    ownerLimits: [limit('requests'), limit('exports', false), limit('all', true)],
  }
  const countersOf = (found: FoundKey, check: KeyCheck = {}): readonly string[] => {
    const judgement = judge(found, check, FACTS)
    assert.ok(judgement.refusal === undefined)
    return judgement.limits.map(({ counter }) => counter)
  }

  test('is nothing for most keys, and then nothing is made for the answer', () => {
    const judgement = judge(FOUND, {}, FACTS)
    assert.deepEqual(judgement, { limits: [], cost: 0, spends: false })
    assert.equal(judge({ key: { ...KEY } }, { cost: 7, limits: ['x'] }, FACTS), judgement)
    assert.ok(Object.isFrozen(judgement))
    assert.equal(judge(undefined, {}, FACTS), judge(undefined, {}, FACTS))
  })

  test('are the automatic limits of the key, and then those of its owner', () => {
    const expected = ['key:k1:requests', 'owner:bob:requests', 'owner:bob:all']
    assert.deepEqual(countersOf(limited), expected)
    assert.deepEqual(countersOf(limited), expected)
  })

  test('are the named limits instead when there are names, each once, and unknown ones not at all', () => {
    assert.deepEqual(countersOf(limited, { limits: ['images'] }), ['key:k1:images'])
    assert.deepEqual(countersOf(limited, { limits: ['exports', 'requests', 'requests', 'nothing'] }), [
      'key:k1:requests',
      'owner:bob:requests',
      'owner:bob:exports',
    ])
    assert.deepEqual(countersOf(limited, { limits: [] }), [])
  })

  test('are credits only of keys that have a budget, and of uses that cost something', () => {
    const budget = withPolicy({ credits: { initial: 10 } })
    assert.deepEqual(judge(budget, {}, FACTS), { limits: [], cost: 1, spends: true })
    assert.deepEqual(judge(budget, { cost: 3 }, FACTS), { limits: [], cost: 3, spends: true })
    assert.deepEqual(judge(budget, { cost: 0 }, FACTS), { limits: [], cost: 0, spends: false })
    assert.deepEqual(judge(limited, { cost: 3 }, FACTS), {
      limits: judgeLimits(limited),
      cost: 3,
      spends: false,
    })
  })

  test('is nothing at all when the use is refused', () => {
    const refused = judge({ ...limited, goodUntil: NOW }, {}, FACTS)
    assert.deepEqual(refused, { refusal: 'unknown' })
  })

  function judgeLimits(found: FoundKey) {
    const judgement = judge(found, {}, FACTS)
    return judgement.refusal === undefined ? judgement.limits : []
  }
})

describe('explainJudgement', () => {
  const faults = fc.subarray(Object.values(FAULTS))

  test('lists all checks in order, whatever the key', () => {
    fc.assert(
      fc.property(fc.option(faults), (some) => {
        const steps = some === null ? explainNoKey('unknown') : explainJudgement(...judgeAll(some))
        assert.deepEqual(
          steps.map(({ check }) => check),
          CHECKS,
        )
      }),
    )
  })

  test('never disagrees with the judgement: the first refused check is the reason', () => {
    fc.assert(
      fc.property(fc.option(faults), (some) => {
        const first = firstRefused(
          some === null ? explainNoKey('unknown') : explainJudgement(...judgeAll(some)),
        )
        const judgement = some === null ? judge(undefined, {}, FACTS) : judge(...judgeAll(some))
        assert.equal(first && REASONS[first.check], judgement.refusal)
      }),
      { numRuns: 500 },
    )
  })

  test('says what would help for every refusal, and only for these', () => {
    fc.assert(
      fc.property(faults, (some) => {
        for (const { outcome, remedy } of explainJudgement(...judgeAll(some))) {
          assert.equal(remedy !== undefined && remedy !== '', outcome === 'refused')
        }
      }),
    )
  })

  test('shows what was looked at, and no fingerprint', () => {
    const [found, check, facts] = judgeAll(Object.values(FAULTS))
    const steps = explainJudgement(found, check, facts)
    assert.ok(!JSON.stringify(steps).includes(KEY.fingerprint))
    assert.deepEqual(steps.find(({ check: name }) => name === 'address')?.input, {
      address: '198.51.100.1',
      allowed: ['192.0.2.0/24'],
    })
    assert.deepEqual(steps.find(({ check: name }) => name === 'permissions')?.input, {
      owner: 'bob',
      scopes: ['invoices:write'],
      required: 'invoices:read',
      keptByScopes: false,
      grantedToOwner: false,
    })
  })

  test('skips what does not apply, and says why', () => {
    const steps = explainJudgement(FOUND, {}, FACTS)
    assert.deepEqual(
      steps.map(({ outcome }) => outcome),
      [...Array(4).fill('passed'), ...Array(6).fill('skipped')],
    )
    for (const { outcome, input } of steps)
      assert.equal(typeof input['because'] === 'string', outcome === 'skipped')
  })

  test('tells who may do more: the owner by a role, or the key by its scopes', () => {
    const permissions = (fault: Fault | undefined) =>
      explainJudgement(...judgeAll(fault === undefined ? [] : [fault])).find(
        ({ check }) => check === 'permissions',
      )
    assert.match(permissions(FAULTS['not permitted by its scopes'])?.remedy ?? '', /scopes of the key/)
    assert.match(permissions(FAULTS['not permitted to its owner'])?.remedy ?? '', /owner by a role/)
  })

  test('tells how limits and credits went', () => {
    const found: FoundKey = {
      key: {
        ...KEY,
        policy: { limits: [{ name: 'requests', limit: 1, windowMs: 60_000 }], credits: { initial: 1 } },
      },
    }
    const judgement = judge(found, {}, FACTS)
    assert.ok(judgement.refusal === undefined)
    const counters = createRateCounters({ countersMax: 10 })
    const admitted = counters.take(judgement.limits, judgement.cost, NOW)
    const refused = counters.take(judgement.limits, judgement.cost, NOW)

    const good = explainJudgement(found, {}, FACTS, admitted, { spent: true, remaining: 0 })
    assert.deepEqual(good.slice(-2), [
      {
        check: 'limits',
        outcome: 'passed',
        input: { cost: 1, limits: [{ name: 'requests', limit: 1, remaining: 0, resetAt: NOW + 60_000 }] },
      },
      { check: 'credits', outcome: 'passed', input: { cost: 1, remaining: 0 } },
    ])

    const [limits] = explainJudgement(found, {}, FACTS, refused).slice(-2)
    assert.equal(limits?.outcome, 'refused')
    assert.match(limits?.remedy ?? '', /2026-06-03T12:01:00\.000Z/)

    const spent = { spent: false, remaining: 0, refillAt: NOW + 60_000 }
    const [, credits] = explainJudgement(found, {}, FACTS, admitted, spent).slice(-2)
    assert.equal(credits?.outcome, 'refused')
    assert.match(credits?.remedy ?? '', /2026-06-03T12:01:00\.000Z/)
    const [, ended] = explainJudgement(found, {}, FACTS, admitted, { spent: false, remaining: 0 }).slice(-2)
    assert.match(ended?.remedy ?? '', /never filled up/)
    const [never] = explainJudgement(
      found,
      { cost: 2 },
      FACTS,
      counters.take(judgement.limits, 2, NOW),
    ).slice(-2)
    assert.match(never?.remedy ?? '', /will never be admitted/)
  })
})
