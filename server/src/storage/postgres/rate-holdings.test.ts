import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RateHoldings } from './rate-holdings.ts'

const LIMIT = 20
const USE_MS = 10

type Step =
  | { readonly do: 'reserve' | 'use' | 'unuse'; readonly node: number; readonly uses: number }
  | { readonly do: 'pass'; readonly ms: number }

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('reserve', 'use', 'use', 'unuse'),
    node: fc.integer({ min: 0, max: 2 }),
    uses: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: 1, max: 150 }) }),
)

describe('what nodes hold of a limit', () => {
  test('never lets more come than the limit admits, whenever they use it', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 80 }), (steps) => {
        const nodes = [0, 1, 2].map(() => new RateHoldings(USE_MS))
        // In ms: what is counted in the store, and what really came, each flowing back.
        let [counted, came, at] = [0, 0, 0]
        for (const step of steps) {
          if (step.do === 'pass') {
            at += step.ms
            counted = Math.max(0, counted - step.ms)
            came = Math.max(0, came - step.ms)
            continue
          }
          const node = nodes[step.node]
          assert.ok(node)
          if (step.do === 'reserve') {
            const free = Math.floor(LIMIT - counted / USE_MS + 1e-9)
            const uses = Math.min(free, step.uses)
            if (uses === 0) continue
            node.add(uses, at, counted)
            counted += uses * USE_MS
          } else if (step.do === 'use') {
            const uses = Math.min(step.uses, node.heldAt(at))
            node.use(uses, at)
            came += uses * USE_MS
          }
          assert.ok(came <= LIMIT * USE_MS + 1e-6, `${came / USE_MS} of ${LIMIT}`)
          const held = nodes.reduce((sum, one) => sum + one.heldMsAt(at), 0)
          assert.ok(came + held <= counted + 1e-6, 'all that is held is counted')
        }
      }),
    )
  })

  test('flows back only after what was counted before, and what was used of it first', () => {
    const holdings = new RateHoldings(USE_MS)
    holdings.add(5, 0, 100)
    assert.equal(holdings.heldAt(100), 5)
    holdings.use(2, 100)
    assert.equal(holdings.heldAt(120), 3)
    assert.equal(holdings.heldAt(121), 2)
    assert.equal(holdings.heldAt(150), 0)
  })

  test('is held again when it was not used after all, but for what flowed back', () => {
    const holdings = new RateHoldings(USE_MS)
    const holding = holdings.add(5, 0, 0)
    holdings.use(5, 0)
    assert.equal(holdings.heldAt(0), 0)
    holdings.unuse(5, 20)
    assert.equal(holdings.heldAt(20), 3)
    assert.equal(holdings.release(holding, 30), 20)
    assert.equal(holdings.heldAt(30), 0)
  })
})
