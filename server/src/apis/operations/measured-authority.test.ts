import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../../core/contract/test-authority.ts'
import { DomainError } from '../../core/errors.ts'
import type { UserId } from '../../core/ids.ts'
import type { KeyAuthority, KeyRequest } from '../../core/key-authority.ts'
import { measuredAuthority } from './measured-authority.ts'
import { SAMPLED_ONE_IN } from './metric-table.ts'
import { createMetrics, createMetricsSlab } from './metrics.ts'
import { printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'
import { parsePrometheus } from './testing/prometheus-text.ts'

type Fixture = {
  readonly plain: TestAuthority
  readonly measured: KeyAuthority
  issue(request?: Partial<KeyRequest>): Promise<string>
  /** What was counted of a metric, without what is 0. */
  counted(name: string): Readonly<Record<string, number>>
}

async function opened(t: TestContext): Promise<Fixture> {
  const plain = await openTestAuthority(t, { loginsPerSecond: 0.001, loginBurst: 1 })
  const admin = await plain.userWith('root', 'admin')
  const metrics = createMetrics([createMetricsSlab()], 0)
  return {
    plain,
    measured: measuredAuthority(plain, metrics),
    issue: async (request = {}) => {
      const base = { owner: 'root' as UserId, description: '', native: {} }
      return (await plain.keys.issueFor(admin, { ...base, ...request })).token.reveal()
    },
    counted: (name) => {
      const families = parsePrometheus(printMetrics(metrics.snapshot(), readProcessState('0.0.0')))
      const family = [...families].find(([known]) => name.startsWith(known))?.[1] ?? assert.fail(name)
      const samples = [...family.samples].filter(([sample, count]) => sample.startsWith(name) && count > 0)
      return Object.fromEntries(samples.map(([sample, count]) => [sample.slice(name.length), count]))
    },
  }
}

test('verifications are counted by their answers, which stay what they are', async (t) => {
  const { plain, measured, issue, counted } = await opened(t)
  const limited = await issue({ policy: { limits: [{ name: 'l', limit: 1, windowMs: 60_000 }] } })
  const budgeted = await issue({ policy: { credits: { initial: 1 } } })
  for (const token of [limited, budgeted]) {
    assert.equal((await measured.verification.check(token, {})).refusal, undefined)
  }
  for (const token of [limited, budgeted, 'nonsense', await issue({ disabled: true })]) {
    assert.deepEqual(await measured.verification.check(token, {}), await plain.verification.check(token, {}))
  }
  assert.deepEqual(counted('latchkey_verifications_total'), {
    '{code="VALID"}': 2,
    '{code="RATE_LIMITED"}': 1,
    '{code="USAGE_EXCEEDED"}': 1,
    '{code="MALFORMED"}': 1,
    '{code="DISABLED"}': 1,
  })
  assert.deepEqual(counted('latchkey_rate_limited_total'), { '{what="key"}': 1 })
})

test('every key of several at once is counted, and one time is taken for all of them', async (t) => {
  const { measured, issue, counted } = await opened(t)
  const budgeted = await issue({ policy: { credits: { initial: 1 } } })
  const shown = [...new Array<string>(SAMPLED_ONE_IN).fill(await issue()), budgeted, 'nonsense']
  for (const times of [1, 2]) {
    const answers = measured.verification.checkAll(shown.map((key) => ({ key, check: {} })))
    assert.equal((await Promise.all(answers)).length, shown.length)
    assert.deepEqual(counted('latchkey_verification_duration_seconds_count'), { '': times })
  }
  assert.deepEqual(counted('latchkey_verifications_total'), {
    '{code="VALID"}': 2 * SAMPLED_ONE_IN + 1,
    '{code="USAGE_EXCEEDED"}': 1,
    '{code="MALFORMED"}': 2,
  })
})

test('an explanation is no verification', async (t) => {
  const { measured, issue, counted } = await opened(t)
  const { verdict } = await measured.verification.explain(await issue(), {})
  assert.equal(verdict.refusal, undefined)
  assert.deepEqual(counted('latchkey_verifications_total'), {})
})

test('one verification in some is timed, the first among them, whether it answers at once or later', async (t) => {
  const { measured, issue, counted } = await opened(t)
  const tokens = [await issue(), await issue({ policy: { credits: { initial: 1_000 } } })]
  for (let count = 0; count < SAMPLED_ONE_IN + 1; count++) {
    await measured.verification.check(tokens[count % 2] ?? '', {})
  }
  assert.deepEqual(counted('latchkey_verification_duration_seconds_count'), { '': 2 })
})

test("tokens that are shown to Latchkey's own APIs are counted by themselves", async (t) => {
  const { measured, issue, counted } = await opened(t)
  assert.equal((await measured.tokens.verify(await issue(), TEST_ORIGIN)).valid, true)
  assert.equal((await measured.tokens.verify('nonsense', TEST_ORIGIN)).valid, false)
  assert.deepEqual(counted('latchkey_token_checks_total'), { '{code="VALID"}': 1, '{code="MALFORMED"}': 1 })
  assert.deepEqual(counted('latchkey_verifications_total'), {})
})

test('logins that were refused for coming too often are counted, other failures are not', async (t) => {
  const { measured, counted } = await opened(t)
  const login = () =>
    measured.sessions.login({ strategy: 'local', username: 'ada', password: 'no' }, TEST_ORIGIN)
  await assert.rejects(login, DomainError)
  assert.deepEqual(counted('latchkey_rate_limited_total'), {})
  await assert.rejects(login, (error) => error instanceof DomainError && error.code === 'login.too_many')
  assert.deepEqual(counted('latchkey_rate_limited_total'), { '{what="login"}': 1 })
})
