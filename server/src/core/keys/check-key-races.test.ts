import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openStorage } from '../../storage/open-storage.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { KeyPolicy } from './policy.ts'

const k1 = 'k1' as KeyId

/** So many ask at the same moment. */
const AT_ONCE = 64

async function issue(authority: TestAuthority, policy: KeyPolicy) {
  const root = await authority.userWith('root', 'admin')
  const request = { owner: 'root' as UserId, description: 'd', id: k1, native: {}, policy }
  const { token } = await authority.keys.issueFor(root, request)
  return { root, token: token.reveal() }
}

function ask(authority: TestAuthority, token: string, times: number) {
  return Array.from({ length: times }, async () => authority.verification.check(token, {}))
}

async function countOf(verdicts: readonly Promise<{ readonly refusal?: string }>[]) {
  const refusals = (await Promise.all(verdicts)).map(({ refusal }) => refusal ?? 'good')
  const counts: Record<string, number> = {}
  for (const refusal of refusals) counts[refusal] = (counts[refusal] ?? 0) + 1
  return counts
}

/** A store on disk that ends with the test. */
async function storeOnDisk(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-races-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return `sqlite:${join(folder, 'keys.db')}`
}

describe('64 uses at the same moment', () => {
  test('spend exactly the 10 credits that there are', async (t) => {
    const authority = await openTestAuthority(t)
    const { token } = await issue(authority, { credits: { initial: 10 } })
    assert.deepEqual(await countOf(ask(authority, token, AT_ONCE)), {
      good: 10,
      usage_exceeded: AT_ONCE - 10,
    })
    assert.deepEqual(await countOf(ask(authority, token, 1)), { usage_exceeded: 1 })
  })

  test('spend exactly 10 through verifications of services and of this server together', async (t) => {
    const authority = await openTestAuthority(t)
    const { token } = await issue(authority, { credits: { initial: 10 } })
    const mixed = Array.from({ length: AT_ONCE }, async (_, n) => {
      if (n % 2 === 0) return authority.verification.check(token, {})
      const verdict = await authority.tokens.verify(token, TEST_ORIGIN)
      return verdict.valid ? {} : { refusal: verdict.reason }
    })
    assert.deepEqual(await countOf(mixed), { good: 10, usage_exceeded: AT_ONCE - 10 })
  })

  test('spend exactly 10 across a rotation in their midst, by the old secret and the new', async (t) => {
    const authority = await openTestAuthority(t)
    const { root, token } = await issue(authority, { credits: { initial: 10 } })
    const before = ask(authority, token, AT_ONCE / 2)
    const rotated = authority.lifeCycle.rotate(root, k1, { graceMs: 60_000 })
    const during = ask(authority, token, AT_ONCE / 4)
    const next = (await rotated).token.reveal()
    const after = [...ask(authority, next, AT_ONCE / 8), ...ask(authority, token, AT_ONCE / 8)]
    assert.deepEqual(await countOf([...before, ...during, ...after]), {
      good: 10,
      usage_exceeded: AT_ONCE - 10,
    })
  })

  test('spend exactly 10 across a revocation that is taken back', async (t) => {
    const authority = await openTestAuthority(t)
    const { root, token } = await issue(authority, { credits: { initial: 10 } })
    const before = await countOf(ask(authority, token, 4))
    await authority.lifeCycle.revoke(root, k1, { reason: 'unspecified' })
    assert.deepEqual(await countOf(ask(authority, token, AT_ONCE)), { revoked: AT_ONCE })
    await authority.lifeCycle.restore(root, k1)
    const after = await countOf(ask(authority, token, AT_ONCE))
    assert.deepEqual([before, after], [{ good: 4 }, { good: 6, usage_exceeded: AT_ONCE - 6 }])
  })

  test('spend exactly 10 through four authorities on one file, and none of them comes back after a restart', async (t) => {
    const url = await storeOnDisk(t)
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStorage(url)))
    const authorities: TestAuthority[] = []
    for (const store of stores) authorities.push(await openTestAuthority(t, {}, store))
    const [first] = authorities
    assert.ok(first)
    const { token } = await issue(first, { credits: { initial: 10 } })
    const asked = authorities.flatMap((authority) => ask(authority, token, AT_ONCE / 4))
    assert.deepEqual(await countOf(asked), { good: 10, usage_exceeded: AT_ONCE - 10 })
    await Promise.all(stores.map((store) => store.close()))

    const reopened = await openStorage(url)
    t.after(() => reopened.close())
    const again = await openTestAuthority(t, {}, reopened)
    assert.deepEqual(await countOf(ask(again, token, AT_ONCE)), { usage_exceeded: AT_ONCE })
  })

  test('are admitted exactly 7 times by a limit of 7, also when each costs a credit', async (t) => {
    const authority = await openTestAuthority(t)
    const limits = [{ name: 'burst', limit: 7, windowMs: 1_000 }]
    const { token } = await issue(authority, { limits, credits: { initial: 1_000 } })
    assert.deepEqual(await countOf(ask(authority, token, AT_ONCE)), { good: 7, rate_limited: AT_ONCE - 7 })
    assert.equal((await authority.verification.check(token, { cost: 0 })).credits, 993)
  })

  test('that the budget refuses leave nothing behind in the limits', async (t) => {
    const authority = await openTestAuthority(t)
    const limits = [{ name: 'burst', limit: 100, windowMs: 1_000 }]
    const { token } = await issue(authority, { limits, credits: { initial: 10 } })
    await countOf(ask(authority, token, AT_ONCE))
    const { limits: states } = await authority.verification.check(token, { cost: 0 })
    assert.equal(states[0]?.remaining, 90)
  })
})

describe('a use that meets the end of its key on the way to its budget', () => {
  test('is answered by what the key is then', async (t) => {
    const authority = await openTestAuthority(t)
    const { root, token } = await issue(authority, { credits: { initial: 10 } })
    const revoked = authority.lifeCycle.revoke(root, k1, { reason: 'unspecified' })
    const asked = ask(authority, token, AT_ONCE)
    await revoked
    for (const { refusal } of await Promise.all(asked)) {
      assert.ok(refusal === undefined || refusal === 'revoked' || refusal === 'usage_exceeded', refusal)
    }
    assert.deepEqual(await countOf(ask(authority, token, 3)), { revoked: 3 })
  })

  test('is free when its budget was taken away', async (t) => {
    const authority = await openTestAuthority(t)
    const { root, token } = await issue(authority, { credits: { initial: 1 } })
    const updated = authority.lifeCycle.update(root, k1, { credits: null })
    const asked = ask(authority, token, 8)
    await updated
    const counts = await countOf(asked)
    assert.equal((counts['good'] ?? 0) + (counts['usage_exceeded'] ?? 0), 8)
    assert.deepEqual(await countOf(ask(authority, token, 8)), { good: 8 })
  })
})
