import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { aLegacyToken, aManager, GUEST, HASH_KEY } from '../contract/knox-tokens.ts'
import { openManagedKeys } from '../contract/managed-keys.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { ImportCounts, LegacyToken } from '../key-authority.ts'
import { printKnoxToken } from './knox-token.ts'
import { Secret } from './secret.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'
const NOTHING = { imported: 0, corrected: 0, present: 0, ended: 0 }

function importInto(
  { managedTokens }: TestAuthority,
  tokens: readonly LegacyToken[],
  { hashKey = HASH_KEY, algorithm = 'HmacSHA256', dryRun = false } = {},
): Promise<ImportCounts> {
  return managedTokens.importTokens(tokens, { hashKey: new Secret(hashKey), algorithm, dryRun }, TEST_ORIGIN)
}

async function answerTo({ verification }: TestAuthority, token: string): Promise<string> {
  return (await verification.check(token, { cost: 0 })).refusal ?? 'valid'
}

describe('a token that Knox issued', () => {
  test('is what it was: the vector of Knox is good, and every other secret of that id is not', async (t) => {
    const authority = await openTestAuthority(t)
    const id = '4e0c548b-6568-4061-a3dc-62908087650a'
    const passcode = '0138aaed-ca2a-47f1-8ed8-e0c397596f95'
    const legacy: LegacyToken = {
      id: id as KeyId,
      owner: GUEST,
      createdBy: 'admin' as UserId,
      type: 'JWT',
      comment: 'hello',
      isEnabled: true,
      issuedAt: 1_700_000_000_000,
      maxLifetimeAt: 1_700_604_800_000,
      metadata: { team: 'a' },
      mac: 'ee+/ve+/vRPvv70k77+9fXtA77+977+9LO+/ve+/ve+/ve+/ve+/ve+/vSnvv71+bXXvv71p77+977+9fTswSw==',
    }
    assert.deepEqual(await importInto(authority, [legacy]), { ...NOTHING, imported: 1 })
    const key = await authority.managedTokens.get(legacy.id)
    assert.deepEqual(
      [key?.owner, key?.description, key?.metadata, key?.record, key?.knox, key?.expiresAt],
      [
        GUEST,
        'hello',
        { team: 'a' },
        { createdBy: 'admin', createdAt: 1_700_000_000_000 },
        { type: 'JWT', maxLifetimeAt: 1_700_604_800_000 },
        undefined,
      ],
    )
    assert.equal(await answerTo(authority, printKnoxToken({ id, passcode: NOBODY })), 'unknown')
    assert.equal(await answerTo(authority, printKnoxToken({ id, passcode: id })), 'unknown')
    const token = printKnoxToken({ id, passcode })
    for (const _ of [1, 2]) assert.equal(await answerTo(authority, token), 'valid')
    assert.equal(await answerTo(authority, printKnoxToken({ id, passcode: NOBODY })), 'unknown')
  })

  test('is found by its fingerprint after its first use, whichever way that was', async (t) => {
    const { authority, bob } = await openManagedKeys(t)
    const firstUses = [
      (token: string) => authority.verification.check(token, {}),
      (token: string) => authority.verification.explain(token, {}),
      (token: string) => authority.managedTokens.verify(token, {}),
      (token: string) => authority.tokens.verify(token, TEST_ORIGIN),
      (token: string) => authority.tokens.inspect(token, TEST_ORIGIN),
    ]
    for (const [n, use] of firstUses.entries()) {
      const { legacy, token } = aLegacyToken(n, { owner: bob.user.id })
      await importInto(authority, [legacy])
      assert.notEqual(await authority.storage.legacyKeys.find(legacy.id), undefined)
      await use(token)
      assert.equal(await authority.storage.legacyKeys.find(legacy.id), undefined)
      const { found } = await authority.verification.check(token, {})
      assert.equal(found?.key.id, legacy.id)
      // Neither key nor MAC is looked at any more: the answer is there at once.
      assert.ok(!(authority.verification.check(token, {}) instanceof Promise))
      assert.equal((await authority.tokens.verify(token, TEST_ORIGIN)).valid, true)
    }
    const rehashed = authority.audited.filter((event) => event.action === 'key.rehash')
    assert.equal(rehashed.length, firstUses.length)
  })

  test('is good for all of 64 first uses at once, and rehashed once', async (t) => {
    const authority = await openTestAuthority(t)
    const { legacy, token } = aLegacyToken(1)
    await importInto(authority, [legacy])
    const answers = await Promise.all(Array.from({ length: 64 }, () => answerTo(authority, token)))
    assert.deepEqual(new Set(answers), new Set(['valid']))
    assert.equal(authority.audited.filter((event) => event.action === 'key.rehash').length, 1)
  })

  test('is disabled, expired or ended here as it is there', async (t) => {
    const authority = await openTestAuthority(t)
    const now = authority.clock.now()
    const disabled = aLegacyToken(1, { isEnabled: false })
    const over = aLegacyToken(2, { expiresAt: now })
    const dead = aLegacyToken(3, { issuedAt: now, expiresAt: now - 1 })
    const all = [disabled, over, dead]
    await importInto(
      authority,
      all.map(({ legacy }) => legacy),
    )
    const answers = []
    for (const { token } of all) answers.push(await answerTo(authority, token))
    assert.deepEqual(answers, ['disabled', 'expired', 'expired'])
    // Its owner could enable it there, and still can.
    const { managedTokens } = authority
    await managedTokens.setEnabled(disabled.legacy.id, true, aManager())
    assert.equal(await answerTo(authority, disabled.token), 'valid')
  })

  test('that was revoked before its first use is no key any more, and good again when it is restored', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const { legacy, token } = aLegacyToken(1)
    await importInto(authority, [legacy])
    await authority.managedTokens.revoke(legacy.id, aManager())
    assert.equal(await answerTo(authority, token), 'unknown')
    assert.deepEqual(await importInto(authority, [legacy]), { ...NOTHING, ended: 1 })
    assert.equal(await answerTo(authority, token), 'unknown')
    await authority.lifeCycle.restore(root, legacy.id)
    assert.equal(await answerTo(authority, token), 'valid')
  })

  test('that was rotated before its first use is good as long as the rotation says', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const [grace, none] = [aLegacyToken(1), aLegacyToken(2)]
    await importInto(authority, [grace.legacy, none.legacy])
    const rotate = (id: KeyId, graceMs: number) => authority.lifeCycle.rotate(root, id, { graceMs })
    const rotated = await rotate(grace.legacy.id, 1_000)
    await rotate(none.legacy.id, 0)
    assert.deepEqual(
      [
        await answerTo(authority, grace.token),
        await answerTo(authority, none.token),
        await answerTo(authority, rotated.token.reveal()),
      ],
      ['valid', 'unknown', 'valid'],
    )
    authority.clock.passMs(1_000)
    assert.equal(await answerTo(authority, grace.token), 'unknown')
    assert.equal(await answerTo(authority, rotated.token.reveal()), 'valid')
  })
})

describe('importing tokens', () => {
  test('is safe to repeat, and changes nothing of what is there', async (t) => {
    const authority = await openTestAuthority(t)
    const [one, two] = [aLegacyToken(1), aLegacyToken(2)]
    await importInto(authority, [one.legacy])
    await answerTo(authority, one.token)
    const before = await authority.managedTokens.get(one.legacy.id)
    const changed = { ...one.legacy, comment: 'other', isEnabled: false }
    assert.deepEqual(await importInto(authority, [changed, two.legacy]), {
      ...NOTHING,
      imported: 1,
      present: 1,
    })
    assert.deepEqual(await authority.managedTokens.get(one.legacy.id), before)
    assert.equal(authority.audited.filter((event) => event.action === 'key.import').length, 2)
  })

  test('of which nothing shall come only counts', async (t) => {
    const authority = await openTestAuthority(t)
    const [one, two] = [aLegacyToken(1), aLegacyToken(2)]
    await importInto(authority, [one.legacy])
    const before = authority.audited.length
    const counts = await importInto(authority, [one.legacy, two.legacy], { dryRun: true, hashKey: 'other' })
    assert.deepEqual(counts, { ...NOTHING, corrected: 1, imported: 1 })
    assert.equal(authority.audited.length, before)
    assert.equal(await authority.managedTokens.get(two.legacy.id), undefined)
    assert.deepEqual(
      [await answerTo(authority, two.token), await answerTo(authority, one.token)],
      ['unknown', 'valid'],
    )
  })

  test('with the wrong hash key can be mended by the right one, as long as a token was not used', async (t) => {
    const authority = await openTestAuthority(t)
    const { legacy, token } = aLegacyToken(1)
    await importInto(authority, [legacy], { hashKey: 'wrong' })
    assert.equal(await answerTo(authority, token), 'unknown')
    assert.deepEqual(await importInto(authority, [legacy]), { ...NOTHING, corrected: 1 })
    assert.equal(await answerTo(authority, token), 'valid')
    assert.deepEqual(await importInto(authority, [legacy], { hashKey: 'wrong' }), { ...NOTHING, present: 1 })
    assert.equal(await answerTo(authority, token), 'valid')
  })

  test('from gateways with different hash keys keeps the tokens of each', async (t) => {
    const authority = await openTestAuthority(t)
    const { legacy, token } = aLegacyToken(1)
    const other = aLegacyToken(2)
    await importInto(authority, [other.legacy], { hashKey: 'of another gateway' })
    await importInto(authority, [legacy])
    assert.deepEqual(
      [await answerTo(authority, token), await answerTo(authority, other.token)],
      ['valid', 'unknown'],
    )
  })

  test('keeps the hash key for other processes, and shows it to nobody', async (t) => {
    const authority = await openTestAuthority(t)
    const other = await openTestAuthority(t, {}, authority.storage)
    const { legacy, token } = aLegacyToken(1)
    await importInto(authority, [legacy])
    assert.equal(await answerTo(other, token), 'valid')
    const seen = inspect([authority.audited, await authority.managedTokens.list({}, aManager())], {
      depth: 9,
    })
    assert.ok(!seen.includes(HASH_KEY) && !seen.includes(legacy.mac))
  })

  test('refuses a MAC that is not known before anything is stored', async (t) => {
    const authority = await openTestAuthority(t)
    await assert.rejects(importInto(authority, [aLegacyToken(1).legacy], { algorithm: 'HmacMD5' }), /HmacMD5/)
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
  })
})
