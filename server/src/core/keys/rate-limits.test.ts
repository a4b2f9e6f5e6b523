import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RateLimit } from './policy.ts'
import {
  admissionAt,
  COUNTING_EPOCH,
  type CountedLimit,
  createRateCounters,
  EVICTION_SAMPLE,
  EXACT_LIMIT_MAX,
  gcra,
  limitState,
  NEVER_USED,
} from './rate-limits.ts'

const START = 1_790_000_000_000
const OPTIONS = { countersMax: 1_000 }

function counted(limit: number, windowMs: number, counter = 'key:k1:l'): CountedLimit {
  return { counter, limit: { name: counter, limit, windowMs } }
}

const limit: fc.Arbitrary<RateLimit> = fc.record({
  name: fc.constant('l'),
  limit: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: EXACT_LIMIT_MAX })),
  windowMs: fc.oneof(fc.integer({ min: 50, max: 2_000 }), fc.integer({ min: 41, max: 90_000_000 })),
})

/** Attempts: so many ms after the one before, at such a cost. */
const attempts = fc.array(
  fc.record({
    afterMs: fc.oneof(
      fc.constant(0),
      fc.nat({ max: 50 }),
      fc.nat({ max: 5_000 }),
      fc.nat({ max: 100_000_000 }),
    ),
    cost: fc.oneof(fc.constant(1), fc.nat({ max: 12 })),
  }),
  { maxLength: 60 },
)

/** The algorithm in whole numbers of any size: the level of a bucket that leaks, in uses times `windowMs`. */
function createReference({ limit: max, windowMs }: RateLimit) {
  let level = 0n
  let at = 0
  const flow = (now: number): void => {
    level -= BigInt(now - at) * BigInt(max)
    if (level < 0n) level = 0n
    at = now
  }
  return {
    take(cost: number, now: number): boolean {
      flow(now)
      const next = level + BigInt(cost) * BigInt(windowMs)
      if (next > BigInt(max) * BigInt(windowMs)) return false
      level = next
      return true
    },
    remaining: (): number => Number((BigInt(max) * BigInt(windowMs) - level) / BigInt(windowMs)),
  }
}

describe('a rate limit', () => {
  test('admits, refuses and counts exactly as whole numbers would, over any attempts', () => {
    fc.assert(
      fc.property(limit, attempts, (given, all) => {
        const counters = createRateCounters(OPTIONS)
        const reference = createReference(given)
        let now = START
        for (const { afterMs, cost } of all) {
          now += afterMs
          const outcome = counters.take([{ counter: 'c', limit: given }], cost, now)
          assert.equal(outcome.admitted, reference.take(cost, now))
          assert.equal(outcome.states[0]?.remaining, reference.remaining())
        }
      }),
      { numRuns: 500 },
    )
  })

  test('admits at most the limit at once, and in any time at most what flows back beside it', () => {
    fc.assert(
      fc.property(limit, attempts, (given, all) => {
        const counters = createRateCounters(OPTIONS)
        const admitted: { readonly at: number; readonly cost: number }[] = []
        let at = START
        for (const { afterMs, cost } of all) {
          at += afterMs
          if (counters.take([{ counter: 'c', limit: given }], cost, at).admitted) admitted.push({ at, cost })
        }
        for (let first = 0; first < admitted.length; first++) {
          let uses = 0
          for (const { at: now, cost } of admitted.slice(first)) {
            uses += cost
            const elapsed = now - (admitted[first]?.at ?? now)
            assert.ok(uses <= given.limit + Math.floor((elapsed * given.limit) / given.windowMs))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('admits the whole limit at once, also a great one, and not one more', () => {
    for (const max of [1, 3, 7, 100, 999, EXACT_LIMIT_MAX]) {
      const counters = createRateCounters(OPTIONS)
      const limits = [counted(max, 1_000)]
      for (let use = 0; use < max; use++) assert.ok(counters.take(limits, 1, START).admitted)
      assert.ok(!counters.take(limits, 1, START).admitted)
    }
  })

  test('strays by less than a hundredth when the limit is too great for whole numbers', () => {
    const counters = createRateCounters(OPTIONS)
    const limits = [counted(100_000, 1_000)]
    let admitted = 0
    for (let ms = 0; ms < 2_000; ms++) {
      for (let use = 0; use < 250; use++) {
        if (counters.take(limits, 1, START + ms).admitted) admitted++
      }
    }
    assert.ok(Math.abs(admitted - 299_900) < 2_999, `${admitted}`)
  })

  test('says when the same use would be admitted: not a millisecond before', () => {
    fc.assert(
      fc.property(limit, attempts, fc.nat(), (given, all, some) => {
        const counters = createRateCounters(OPTIONS)
        const limits = [{ counter: 'c', limit: given }]
        let now = START
        for (const { afterMs, cost } of all) {
          now += afterMs % 100
          counters.take(limits, cost, now)
        }
        const cost = 1 + (some % given.limit)
        const { admitted, retryAt = now } = counters.preview(limits, cost, now)
        assert.equal(admitted, retryAt === now)
        assert.ok(counters.preview(limits, cost, retryAt).admitted)
        if (!admitted) assert.ok(!counters.preview(limits, cost, retryAt - 1).admitted)
      }),
    )
  })

  test('is as if never used at `resetAt`, and not a millisecond before', () => {
    fc.assert(
      fc.property(limit, fc.integer({ min: 1 }), (given, some) => {
        const cost = 1 + (some % given.limit)
        const arrival = gcra(NEVER_USED, given, cost, START) ?? Number.NaN
        const { resetAt, remaining } = limitState(arrival, given, START)
        assert.equal(remaining, given.limit - cost)
        assert.ok(gcra(arrival, given, given.limit, resetAt) !== undefined)
        assert.equal(gcra(arrival, given, given.limit, resetAt - 1), undefined)
        assert.equal(limitState(NEVER_USED, given, START).resetAt, START)
      }),
    )
  })

  test('always refuses a cost above it, and knows no time at which that would change', () => {
    const counters = createRateCounters(OPTIONS)
    assert.deepEqual(counters.take([counted(5, 1_000)], 6, START), {
      admitted: false,
      states: [{ name: 'key:k1:l', limit: 5, remaining: 5, resetAt: START }],
    })
    assert.equal(admissionAt(NEVER_USED, counted(5, 1_000).limit, 6, START), undefined)
    assert.ok(counters.take([counted(5, 1_000)], 5, START).admitted)
  })

  test('only reads at cost 0, also when it is used up', () => {
    const counters = createRateCounters(OPTIONS)
    const limits = [counted(2, 1_000)]
    const state = (remaining: number, resetAt: number) => ({
      admitted: true,
      states: [{ name: 'key:k1:l', limit: 2, remaining, resetAt }],
    })
    assert.deepEqual(counters.take(limits, 0, START), state(2, START))
    assert.ok(counters.take(limits, 2, START).admitted)
    for (let read = 0; read < 3; read++)
      assert.deepEqual(counters.take(limits, 0, START), state(0, START + 1_000))
  })
})

describe('several limits', () => {
  test('count all or nothing', () => {
    fc.assert(
      fc.property(fc.array(limit, { minLength: 1, maxLength: 4 }), attempts, (given, all) => {
        const counters = createRateCounters(OPTIONS)
        const limits = given.map((each, index) => ({ counter: `c${index}`, limit: each }))
        let now = START
        for (const { afterMs, cost } of all) {
          now += afterMs
          const before = counters.take(limits, 0, now).states
          const { admitted, states } = counters.take(limits, cost, now)
          assert.equal(admitted, cost === 0 || before.every(({ remaining }) => remaining >= cost))
          const change = admitted ? cost : 0
          assert.deepEqual(
            states.map(({ remaining }) => remaining),
            before.map(({ remaining }) => remaining - change),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  test('say when the last of those that refuse would admit, or nothing when one never will', () => {
    const counters = createRateCounters(OPTIONS)
    const [fast, slow, small] = [counted(2, 1_000, 'a'), counted(2, 60_000, 'b'), counted(1, 1_000, 'c')]
    assert.ok(counters.take([fast, slow], 2, START).admitted)
    assert.equal(counters.take([fast, slow], 1, START).retryAt, START + 30_000)
    assert.equal(counters.take([slow, fast], 1, START + 500).retryAt, START + 30_000)
    assert.equal(counters.take([fast, slow, small], 2, START).retryAt, undefined)
  })

  test('are as many states in the same order, and no limits are no states', () => {
    const counters = createRateCounters(OPTIONS)
    const { states } = counters.take([counted(2, 1_000, 'b'), counted(3, 1_000, 'a')], 1, START)
    assert.deepEqual(
      states.map(({ name }) => name),
      ['b', 'a'],
    )
    assert.deepEqual(counters.take([], 5, START), { admitted: true, states: [] })
    assert.deepEqual(counters.preview([], 5, START), { admitted: true, states: [] })
  })

  test('that were named twice are never admitted beyond their limit', () => {
    const counters = createRateCounters(OPTIONS)
    const twice = [counted(3, 1_000), counted(3, 1_000)]
    assert.ok(counters.take(twice, 2, START).admitted)
    assert.ok(!counters.take(twice, 2, START).admitted)
  })
})

describe('uses that are given back', () => {
  const used = fc.array(fc.record({ afterMs: fc.nat({ max: 40 }), cost: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 20,
  })

  test('at once are as if they had not come, when nothing was used before', () => {
    fc.assert(
      fc.property(limit, fc.nat(), (given, some) => {
        const counters = createRateCounters(OPTIONS)
        const limits = [{ counter: 'c', limit: given }]
        const cost = 1 + (some % given.limit)
        const before = counters.take(limits, 0, START)
        counters.giveBack(limits, cost, counters.take(limits, cost, START), START)
        assert.deepEqual(counters.take(limits, 0, START), before)
        assert.ok(counters.take(limits, given.limit, START).admitted)
      }),
    )
  })

  test('are never more than if they had not come, and at once at most a millisecond less', () => {
    const great = fc.record({
      name: fc.constant('l'),
      limit: fc.constant(500),
      windowMs: fc.integer({ min: 50, max: 9_000 }),
    })
    fc.assert(
      fc.property(great, used, used, fc.integer({ min: 1, max: 20 }), (given, before, after, cost) => {
        const [counters, others] = [createRateCounters(OPTIONS), createRateCounters(OPTIONS)]
        const limits = [{ counter: 'c', limit: given }]
        let now = START
        const useBoth = (uses: typeof before): void => {
          for (const use of uses) {
            now += use.afterMs
            assert.ok(counters.take(limits, use.cost, now).admitted)
            assert.ok(others.take(limits, use.cost, now).admitted)
          }
        }
        useBoth(before)
        const taken = counters.take(limits, cost, now)
        useBoth(after)
        counters.giveBack(limits, cost, taken, now)
        const left = (of: typeof counters): number =>
          of.take(limits, 0, now).states[0]?.remaining ?? Number.NaN
        assert.ok(left(counters) <= left(others))
        if (after.length === 0) assert.ok(left(counters) >= left(others) - Math.ceil(500 / given.windowMs))
      }),
      { numRuns: 500 },
    )
  })

  test('are nothing when all of them flowed back already', () => {
    const counters = createRateCounters(OPTIONS)
    const limits = [counted(2, 1_000)]
    const taken = counters.take(limits, 1, START)
    assert.ok(counters.take(limits, 1, START + 500).admitted)
    counters.giveBack(limits, 1, taken, START + 500)
    assert.equal(counters.take(limits, 0, START + 500).states[0]?.remaining, 1)
  })
})

describe('a clock that is set', () => {
  test('back locks nobody out for longer than the window, and gives nobody another burst', () => {
    fc.assert(
      fc.property(limit, fc.integer({ min: 1, max: 10_000_000_000 }), (given, backMs) => {
        const counters = createRateCounters(OPTIONS)
        const limits = [{ counter: 'c', limit: given }]
        assert.ok(counters.take(limits, given.limit, START).admitted)
        const now = START - backMs
        assert.ok(!counters.take(limits, 1, now).admitted)
        assert.ok((counters.take(limits, 1, now).retryAt ?? Number.NaN) <= now + given.windowMs)
        const later = counters.take(limits, given.limit, now)
        assert.ok((later.retryAt ?? Number.NaN) <= now + given.windowMs)
      }),
    )
  })

  test('before the epoch of counting, or to 1970, still counts', () => {
    for (const now of [0, 1, COUNTING_EPOCH - 1, COUNTING_EPOCH, COUNTING_EPOCH + 1]) {
      const counters = createRateCounters(OPTIONS)
      const limits = [counted(3, 1_000)]
      assert.ok(counters.take(limits, 3, now).admitted)
      assert.equal(counters.take(limits, 1, now).retryAt, now + 334)
      assert.ok(counters.take(limits, 1, now + 334).admitted)
    }
  })

  test('makes a limit that became shorter hold for one of its own windows at most', () => {
    const counters = createRateCounters(OPTIONS)
    assert.ok(counters.take([counted(10, 86_400_000)], 10, START).admitted)
    assert.equal(counters.take([counted(10, 1_000)], 10, START).retryAt, START + 1_000)
  })
})

describe('memory', () => {
  test('holds as many counters as it may, and forgets those first that are as if never used', () => {
    const counters = createRateCounters({ countersMax: 3 })
    const take = (name: string, windowMs: number, now: number) =>
      counters.take([counted(1, windowMs, name)], 1, now).admitted
    assert.ok(take('long', 1_000_000, START))
    assert.ok(take('short', 10, START))
    assert.ok(take('middle', 100_000, START))
    assert.ok(take('new', 100_000, START + 10))
    for (const name of ['long', 'middle', 'new']) assert.ok(!take(name, 100_000, START + 10), name)
  })

  test('when all are in use, forgets the one that would be unused first, and refuses nobody', () => {
    const counters = createRateCounters({ countersMax: EVICTION_SAMPLE })
    const windowOf = (index: number): number => 1_000_000 + ((index * 37) % EVICTION_SAMPLE) * 1_000
    const take = (index: number, windowMs = windowOf(index)) =>
      counters.take([counted(1, windowMs, `${index}`)], 1, START).admitted
    for (let index = 0; index < EVICTION_SAMPLE; index++) assert.ok(take(index))
    assert.ok(take(EVICTION_SAMPLE, 5_000_000))
    // The first has the shortest window, so it is the one that was forgotten: it is admitted again.
    for (let index = 1; index <= EVICTION_SAMPLE; index++) assert.ok(!take(index), `${index}`)
    assert.ok(take(0))
  })

  test('never holds more counters than it may, however many come', () => {
    const countersMax = 100
    const counters = createRateCounters({ countersMax })
    const limitOf = (index: number) => [counted(1, 1_000_000, `${index}`)]
    for (let index = 0; index < 5_000; index++) assert.ok(counters.take(limitOf(index), 1, START).admitted)
    let remembered = 0
    for (let index = 0; index < 5_000; index++) {
      if (!counters.preview(limitOf(index), 1, START).admitted) remembered++
    }
    assert.equal(remembered, countersMax)
  })
})
