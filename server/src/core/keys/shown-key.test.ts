import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { aManager, GUEST, issueKnoxToken } from '../contract/knox-tokens.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { UserId } from '../ids.ts'
import type { TokenRequest } from '../key-authority.ts'
import type { ApiKey } from './api-key.ts'

type Asked = {
  readonly authority: TestAuthority
  /** Another key of the same owner. */
  readonly other: ApiKey
  /** Asks for everything with a key, and answers what was refused, by its code. */
  refusals(shown: ApiKey): Promise<Readonly<Record<string, string>>>
}

async function open(t: TestContext, settings: Parameters<typeof openTestAuthority>[1] = {}): Promise<Asked> {
  const authority = await openTestAuthority(t, settings)
  const later = authority.clock.now() + 10_000
  const { issued: other } = await issueKnoxToken(authority, { expiresAt: later })
  const { managedTokens } = authority
  const anew: TokenRequest = {
    owner: GUEST,
    createdBy: GUEST,
    shown: undefined,
    type: 'JWT',
    comment: '',
    expiresAt: later,
  }
  return {
    authority,
    other,
    async refusals(shown) {
      const me = aManager(GUEST, shown)
      const { issued: doomed } = await issueKnoxToken(authority)
      const acts: Readonly<Record<string, () => unknown>> = {
        list: () => managedTokens.list({ owner: GUEST }, me),
        listAll: () => managedTokens.list({}, me),
        issue: () => managedTokens.issue({ ...anew, shown }, TEST_ORIGIN),
        sign: () => managedTokens.checkIssue({ ...anew, shown }, TEST_ORIGIN),
        renew: () => managedTokens.renew(other.id, later, me),
        disable: () => managedTokens.setEnabled(other.id, false, me),
        enable: () => managedTokens.setEnabled(other.id, true, me),
        revoke: () => managedTokens.revoke(doomed.id, me),
      }
      const refused: Record<string, string> = {}
      for (const [name, act] of Object.entries(acts)) {
        try {
          await act()
        } catch (error) {
          const { code, facts } = error as { code: string; facts: Record<string, unknown> }
          assert.equal(facts['issuer'], shown.id, name)
          refused[name] = code
        }
      }
      return refused
    },
  }
}

describe('a key that is shown to manage tokens', () => {
  test('may do everything when nothing binds it', async (t) => {
    const { refusals, authority } = await open(t)
    assert.deepEqual(await refusals((await issueKnoxToken(authority)).issued), {})
  })

  test('may do what its scopes keep, and never issue, enable or renew', async (t) => {
    const { refusals, authority } = await open(t)
    const of = async (...scopes: string[]) =>
      refusals((await issueKnoxToken(authority, { policy: { scopes } })).issued)
    const bound = {
      issue: 'key.issuing_forbidden',
      sign: 'key.issuing_forbidden',
      renew: 'key.policy_forbidden',
      enable: 'key.policy_forbidden',
    }
    const missing = 'right.missing'
    const nothing = { list: missing, listAll: missing, disable: missing, revoke: missing }
    assert.deepEqual(await of('a:b'), { ...bound, ...nothing })
    assert.deepEqual(await of(), { ...bound, ...nothing })
    assert.deepEqual(await of('*'), bound)
    assert.deepEqual(await of('keys:read', 'keys:revoke'), bound)
    const { list: _, ...others } = nothing
    assert.deepEqual(await of('auth:searchApiKeys'), { ...bound, ...others })
    assert.deepEqual(await of('auth:deleteApiKey'), { ...bound, list: missing, listAll: missing })
  })

  test('bound by anything else than scopes may look, disable and end, and nothing more', async (t) => {
    const { refusals, authority } = await open(t)
    const { issued } = await issueKnoxToken(authority, { policy: { addresses: ['10.0.0.0/8'] } })
    assert.deepEqual(Object.keys(await refusals(issued)), ['issue', 'sign', 'renew', 'enable'])
  })

  test("may always end itself, and ends nobody else's by the right to end its own", async (t) => {
    const { authority } = await open(t)
    const { managedTokens } = authority
    const scoped = async (scope: string) =>
      (await issueKnoxToken(authority, { policy: { scopes: [scope] } })).issued
    const itself = await scoped('a:b')
    assert.equal((await managedTokens.revoke(itself.id, aManager(GUEST, itself)))?.id, itself.id)
    const { issued } = await issueKnoxToken(authority, { owner: 'ada' as UserId })
    const me = aManager(GUEST, await scoped('auth:*'))
    await assert.rejects(managedTokens.revoke(issued.id, me), { code: 'right.missing' })
    await assert.rejects(managedTokens.list({ createdBy: GUEST }, me), { code: 'right.missing' })
  })

  test('makes nothing that outlives it, or is for others, where keys may not issue', async (t) => {
    const { refusals, authority } = await open(t, { apiKeyMayIssueKeys: false })
    const { issued } = await issueKnoxToken(authority, { expiresAt: authority.clock.now() + 9_999 })
    const code = 'key.outlives_issuer'
    assert.deepEqual(await refusals(issued), { issue: code, sign: code, renew: code })
    // What is kept nowhere is bound by nothing, and could issue in its turn.
    const eternal = (await issueKnoxToken(authority)).issued
    assert.deepEqual(await refusals(eternal), { sign: 'key.issuing_forbidden' })
    const { issued: foreign } = await issueKnoxToken(authority, { owner: 'ada' as UserId })
    assert.equal((await refusals(foreign))['issue'], 'key.issuing_forbidden')
  })

  test('as an application of others issues for itself where keys may not issue, and for nobody else', async (t) => {
    const { authority } = await open(t, { apiKeyMayIssueKeys: false })
    const { issued: client } = await issueKnoxToken(authority, { type: 'CLIENT_ID' })
    const issueFor = (owner: string) => issueKnoxToken(authority, { owner: owner as UserId, shown: client })
    assert.equal((await issueFor(client.id)).issued.owner, client.id)
    await assert.rejects(issueFor('ada'), { code: 'key.issuing_forbidden' })
  })

  test('is named by the events of what was done and what was refused', async (t) => {
    const { authority, other } = await open(t)
    const { managedTokens } = authority
    const { issued: free } = await issueKnoxToken(authority)
    await managedTokens.setEnabled(other.id, false, aManager(GUEST, free))
    const { issued: bound } = await issueKnoxToken(authority, { policy: { scopes: [] } })
    await assert.rejects(managedTokens.revoke(other.id, aManager(GUEST, bound)))
    await assert.rejects(issueKnoxToken(authority, { shown: bound }))
    await authority.housekeeping.finish()
    const all = await authority.storage.audit.list(0, 100)
    const events = all.filter(({ actorKey }) => actorKey !== undefined)
    assert.deepEqual(
      events.map(({ action, outcome, actorKey, reason }) => [action, outcome, actorKey, reason]),
      [
        ['key.disable', 'done', free.id, undefined],
        ['key.delete', 'refused', bound.id, 'right.missing'],
        ['key.create', 'refused', bound.id, 'key.issuing_forbidden'],
      ],
    )
  })
})
