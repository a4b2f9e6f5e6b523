import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createDpopClient } from '../contract/dpop-client.ts'
import { K1, openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN } from '../contract/test-authority.ts'
import type { Confirmation, KeyPolicy } from './policy.ts'
import type { KeyCheck, ShownProof } from './verdict.ts'

const CERTIFICATE = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
const OTHER = 'A4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
const client = createDpopClient()

async function openBound(
  t: Parameters<typeof openManagedKeys>[0],
  confirmation: Confirmation,
  more: KeyPolicy = {},
) {
  const keys = await openManagedKeys(t, { policy: { ...more, confirmation } })
  const { authority, token } = keys
  const { verification, clock } = authority
  return {
    ...keys,
    check: (shown?: ShownProof, check: KeyCheck = {}) =>
      verification.check(token, { ...check, ...(shown !== undefined && { shown }) }),
    explain: (shown?: ShownProof) => verification.explain(token, shown === undefined ? {} : { shown }),
    prove: (claims: Readonly<Record<string, unknown>> = {}) => client.prove(token, clock.now(), { claims }),
  }
}

describe('a key that is bound to a certificate', () => {
  test('is good with it and with no other one', async (t) => {
    const { check } = await openBound(t, { x5tS256: CERTIFICATE })
    const good = await check({ x5tS256: CERTIFICATE })
    assert.deepEqual([good.refusal, good.found?.key.id], [undefined, K1])
    for (const shown of [undefined, {}, { x5tS256: OTHER }, { x5tS256: '' }]) {
      const { refusal, lacksProof } = await check(shown)
      assert.deepEqual([refusal, lacksProof], ['forbidden', undefined])
    }
  })

  test('is no token here, where nobody can tell what was shown', async (t) => {
    const { authority, token } = await openBound(t, { x5tS256: CERTIFICATE })
    assert.deepEqual(await authority.tokens.verify(token, TEST_ORIGIN), { valid: false, reason: 'forbidden' })
    assert.deepEqual(await authority.tokens.inspect(token, TEST_ORIGIN), {
      valid: false,
      reason: 'forbidden',
    })
  })

  test('is explained with what is missing', async (t) => {
    const { explain } = await openBound(t, { x5tS256: CERTIFICATE })
    const step = async (shown?: ShownProof) =>
      (await explain(shown)).steps.find(({ check }) => check === 'confirmation')
    assert.deepEqual(await step(), {
      check: 'confirmation',
      outcome: 'refused',
      input: { bound: { x5tS256: CERTIFICATE } },
      remedy: 'Say which certificate the client showed.',
    })
    assert.match(String((await step({ x5tS256: OTHER }))?.remedy), /with the certificate that it is bound to/)
    assert.equal((await step({ x5tS256: CERTIFICATE }))?.outcome, 'passed')
  })
})

describe('a key that is bound to a key pair', () => {
  test('is good with a proof, once', async (t) => {
    const { check, prove, authority } = await openBound(t, { jkt: client.jkt })
    const dpop = prove()
    assert.equal((await check({ dpop })).refusal, undefined)
    authority.clock.passMs(59_000)
    const again = await check({ dpop })
    assert.deepEqual([again.refusal, again.lacksProof], ['forbidden', true])
    assert.equal((await check({ dpop: prove() })).refusal, undefined)
    const none = await check()
    assert.deepEqual([none.refusal, none.lacksProof], ['forbidden', true])
    const wrong = await check({ dpop: prove({ htm: 'POST' }) })
    assert.deepEqual([wrong.refusal, wrong.lacksProof], ['forbidden', true])
  })

  test('is good once of many uses of one proof at the same time, also when credits are spent', async (t) => {
    const { check, prove } = await openBound(t, { jkt: client.jkt }, { credits: { initial: 10 } })
    const dpop = prove()
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => check({ dpop })))
    assert.equal(verdicts.filter(({ refusal }) => refusal === undefined).length, 1)
    assert.equal((await check({ dpop: prove() })).credits, 8)
  })

  test('uses no proof up by being looked at, or refused before', async (t) => {
    const { check, prove } = await openBound(
      t,
      { jkt: client.jkt },
      { addresses: ['192.0.2.0/24'], scopes: [] },
    )
    const dpop = prove()
    const address = '192.0.2.1'
    const elsewhere = await check({ dpop })
    assert.deepEqual([elsewhere.refusal, elsewhere.lacksProof], ['forbidden', undefined])
    const permissions = { kind: 'permission', controller: 'a', action: 'b' } as const
    assert.equal((await check({ dpop }, { address, permissions })).refusal, 'insufficient')
    assert.equal((await check({ dpop }, { address, cost: 0, isNoUse: true })).refusal, undefined)
    assert.equal((await check({ dpop }, { address })).refusal, undefined)
    assert.equal((await check({ dpop }, { address })).refusal, 'forbidden')
  })

  test('is explained without its proof being used up', async (t) => {
    const { check, explain, prove } = await openBound(t, { jkt: client.jkt })
    const dpop = prove()
    const step = async (shown?: ShownProof) =>
      (await explain(shown)).steps.find(({ check: name }) => name === 'confirmation')
    assert.match(String((await step())?.remedy), /Send a DPoP proof/)
    for (let n = 0; n < 2; n++) {
      assert.deepEqual(await step({ dpop }), {
        check: 'confirmation',
        outcome: 'passed',
        input: { bound: { jkt: client.jkt }, dpop: 'good' },
      })
    }
    assert.equal((await check({ dpop })).refusal, undefined)
    const used = await step({ dpop })
    assert.deepEqual([used?.outcome, used?.input['dpop']], ['refused', 'it was used before'])
    assert.equal(used?.remedy, 'Send another DPoP proof: it was used before.')
  })

  test('has both shown when it is bound to both', async (t) => {
    const { check, prove } = await openBound(t, { x5tS256: CERTIFICATE, jkt: client.jkt })
    assert.equal((await check({ dpop: prove() })).lacksProof, undefined)
    assert.equal((await check({ x5tS256: CERTIFICATE })).lacksProof, true)
    assert.equal((await check({ x5tS256: OTHER, dpop: prove() })).refusal, 'forbidden')
    assert.equal((await check({ x5tS256: CERTIFICATE, dpop: prove() })).refusal, undefined)
  })
})

describe('a key that is bound to nothing', () => {
  test('is answered alike, whatever was shown beside it', async (t) => {
    const { authority, token } = await openManagedKeys(t, { policy: { scopes: ['a:b'] } })
    const text = fc.string()
    const anything = fc.record(
      { x5tS256: text, dpop: fc.record({ proof: text, method: text, url: text }) },
      { requiredKeys: [] },
    )
    const plain = await authority.verification.check(token, {})
    const property = fc.asyncProperty(anything, async (shown) => {
      assert.deepEqual(await authority.verification.check(token, { shown }), plain)
    })
    await fc.assert(property, { numRuns: 50 })
  })
})

describe('binding a key', () => {
  test('is for its owner, who cannot take it back or change it', async (t) => {
    const { authority, bob, root, token, answerTo } = await openManagedKeys(t)
    const { lifeCycle } = authority
    const confirmation = { x5tS256: CERTIFICATE }
    await lifeCycle.update(bob, K1, { confirmation })
    assert.equal(await answerTo(token), 'forbidden')
    for (const change of [null, { x5tS256: OTHER }, { ...confirmation, jkt: client.jkt }]) {
      await assert.rejects(lifeCycle.update(bob, K1, { confirmation: change }), {
        code: 'key.policy_forbidden',
        message: /^Cannot change cnf of key/,
        facts: { id: K1, members: ['confirmation'], right: 'keys:update' },
      })
    }
    await lifeCycle.update(bob, K1, { confirmation })
    assert.deepEqual((await lifeCycle.get(bob, K1)).key.policy, { confirmation })
    await lifeCycle.update(root, K1, { confirmation: null })
    assert.equal(await answerTo(token), 'valid')
    await assert.rejects(lifeCycle.update(root, K1, { confirmation: { jkt: 'x' } }), {
      code: 'policy.invalid',
    })
  })
})
