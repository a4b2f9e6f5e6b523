import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { openStorage } from '../../storage/open-storage.ts'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../../storage/postgres/testing/postgres-server.ts'
import { openTestAuthority, type TestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { KeyPolicy } from './policy.ts'

const k1 = 'k1' as KeyId

/** Nothing flows back while a test runs. */
const WINDOW_MS = 365 * 86_400_000

/** However slow the machine is, a node that lives is not taken for one that is gone. */
const PATIENT = { lockWaitMaxMs: 120_000, staleAfterMs: 60_000, rateWaitMaxMs: 120_000 }

describe('64 clients at three nodes on one PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  /** Three authorities with a key of that policy. */
  const openNodes = async (t: TestContext, policy: KeyPolicy) => {
    const url = await server.newStore()
    const nodes: TestAuthority[] = []
    for (let n = 0; n < 3; n += 1) {
      const storage = await openStorage(url, PATIENT)
      t.after(() => storage.close())
      nodes.push(await openTestAuthority(t, {}, storage))
    }
    const [first] = nodes
    assert.ok(first)
    const root = await first.userWith('root', 'admin')
    const request = { owner: 'root' as UserId, description: 'd', id: k1, native: {}, policy }
    const { token } = await first.keys.issueFor(root, request)
    return { nodes, first, root, token: token.reveal() }
  }

  /** Each client asks until it is refused for `reason`; answers how often the key was good. */
  const askUntil = async (nodes: readonly TestAuthority[], token: () => string, reason: string) => {
    const counts = await Promise.all(
      Array.from({ length: 64 }, async (_, client) => {
        const node = nodes[client % nodes.length]
        for (let good = 0; ; good += 1) {
          const verdict = await node?.verification.check(token(), {})
          if (verdict?.refusal === undefined) continue
          assert.equal(verdict.refusal, reason)
          return good
        }
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  test('spend exactly 1,000 credits, with a rotation in their midst', async (t) => {
    const { nodes, first, root, token } = await openNodes(t, { credits: { initial: 1_000 } })
    let current = token
    const spending = askUntil(nodes, () => current, 'usage_exceeded')
    const rotated = await first.lifeCycle.rotate(root, k1, { graceMs: 60_000 })
    current = rotated.token.reveal()
    assert.equal(await spending, 1_000)
    for (const node of nodes) assert.equal((await node.verification.check(token, { cost: 0 })).credits, 0)
  })

  test('are admitted as often as a limit says, less a twentieth of it for each node at most', async (t) => {
    const limits = [{ name: 'burst', limit: 200, windowMs: WINDOW_MS }]
    const { nodes, token } = await openNodes(t, { limits })
    const admitted = await askUntil(nodes, () => token, 'rate_limited')
    assert.ok(admitted <= 200 && admitted >= 200 - 3 * 10, `${admitted} of 200`)
  })

  test('are admitted as often as a limit says when one of the nodes is lost on the way', async (t) => {
    const limits = [{ name: 'burst', limit: 200, windowMs: WINDOW_MS }]
    const { nodes, first, token } = await openNodes(t, { limits })
    // It holds something, and is not asked any more.
    let before = 0
    for (; before < 10; before += 1) {
      assert.equal((await first.verification.check(token, {})).refusal, undefined)
    }
    const admitted = before + (await askUntil(nodes.slice(1), () => token, 'rate_limited'))
    assert.ok(admitted <= 200 && admitted >= 200 - 3 * 10, `${admitted} of 200`)
  })

  test('count and spend nothing by uses that the budget refuses', async (t) => {
    const limits = [{ name: 'burst', limit: 1_000, windowMs: WINDOW_MS }]
    const { nodes, token } = await openNodes(t, { limits, credits: { initial: 100 } })
    assert.equal(await askUntil(nodes, () => token, 'usage_exceeded'), 100)
    for (const { storage, clock } of nodes) {
      const counted = limits.map((limit) => ({ counter: `key:k1:${limit.name}`, limit }))
      const state = (await storage.rates?.preview(counted, 0, clock.now()))?.states[0]
      assert.ok(state !== undefined && state.remaining <= 900, `${state?.remaining}`)
      assert.ok(state.remaining >= 900 - 3 * 50 - 64, `${state.remaining}`)
    }
  })
})
