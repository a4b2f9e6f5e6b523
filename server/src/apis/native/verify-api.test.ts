import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createDpopClient } from '../../core/contract/dpop-client.ts'
import { K1, type ManagedKeys, openManagedKeys } from '../../core/contract/managed-keys.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { KeyRequest } from '../../core/key-authority.ts'
import { REVOCATION_REASONS } from '../../core/keys/api-key.ts'
import { PROOF_ALGORITHMS } from '../../core/keys/dpop-proof.ts'
import { mintNativeToken } from '../../core/keys/native-token.ts'
import { createNodeRandomness } from '../../system/node-randomness.ts'
import type { LaneReply, LaneRequest } from '../../transports/lane/lane-message.ts'
import { PlainLaneRequest } from '../../transports/lane/plain-lane-request.ts'
import { createVerifyApi } from './verify-api.ts'
import { checkNobody, createCheckCaller } from './verify-caller.ts'

type Api = ManagedKeys & {
  /** Asks as somebody with the right, or with these headers. */
  ask(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  askBatch(keys: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** A key of a user with exactly these rights. */
  callerKey(id: string, rights: readonly string[], request?: Partial<KeyRequest>): Promise<string>
}

type Answer = {
  readonly status: number
  readonly fields: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member
  readonly body: any
}

async function openApi(
  t: TestContext,
  changed: Partial<KeyRequest> = {},
  failsafeMode = false,
): Promise<Api> {
  const keys = await openManagedKeys(t, changed, { failsafeMode })
  const { authority } = keys
  const callerKey: Api['callerKey'] = async (id, rights, request = {}) => {
    const { user } = await keys.userWhoMay(id, ...rights)
    const asked = { owner: user.id, description: id, id: `${id}-key` as KeyId, native: {}, ...request }
    return (await authority.keys.issueFor(keys.root, asked)).token.reveal()
  }
  const verifier = await callerKey('verifier', ['keys:verify', 'keys:explain'])
  const [verify, batch] = createVerifyApi({
    authority,
    checkCaller: createCheckCaller({
      authority,
      clock: authority.clock,
      addressOf: ({ address }) => address,
      failsafeMode,
    }),
    bodyBytesMax: 100_000,
  }).routes
  assert.ok(verify !== undefined && batch !== undefined)
  return {
    ...keys,
    callerKey,
    ask: async (body, headers = { authorization: `Bearer ${verifier}` }) =>
      answerOf(await verify.answer(requestOf(body, headers))),
    askBatch: async (all, headers) => {
      const shown = { authorization: `Bearer ${verifier}`, ...headers }
      return answerOf(await batch.answer(requestOf({ keys: all }, shown)))
    },
  }
}

function requestOf(body: unknown, headers: Readonly<Record<string, string>>): LaneRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const common = { host: 'keys.example.com', 'content-type': 'application/json' }
  const head = { method: 'POST', path: '/v1/verify', query: '', headers: { ...common, ...headers } }
  return new PlainLaneRequest(head, '192.0.2.7', Buffer.from(text).toString('latin1'))
}

function answerOf(reply: LaneReply): Answer {
  assert.match(reply.body, /^[\x20-\x7e]*$/, 'a body is ASCII')
  assert.match(reply.fields, /^(?:[\w-]+: [\x20-\x7e]*\r\n)+$/, 'fields are lines')
  assert.match(reply.fields, /^cache-control: no-store\r$/im)
  return { status: reply.status, fields: reply.fields, body: JSON.parse(reply.body) }
}

describe('a verification', () => {
  test('says all that is known of a good key', async (t) => {
    const metadata = { plan: 'größe', nested: { a: [1, null] } }
    const { ask, token, allowBob } = await openApi(t, {
      description: 'Schlüssel "1"',
      ttlMs: 1_000,
      policy: { scopes: ['invoices:*'] },
      metadata,
    })
    await allowBob('invoices:*', 'files:read')
    const { status, body, fields } = await ask({ key: token })
    assert.equal(status, 200)
    assert.match(fields, /^content-type: application\/json\r$/im)
    assert.deepEqual(body, {
      valid: true,
      code: 'VALID',
      keyId: 'k1',
      owner: 'bob',
      name: 'Schlüssel "1"',
      permissions: ['invoices:*'],
      metadata,
      expiresAt: 1_700_000_001_000,
      limits: [],
    })
  })

  test('tells of scopes only what the owner may do, from the change of a right on, whatever an owner writes', async (t) => {
    const limits = [{ name: 'burst', limit: 100, windowMs: 60_000 }]
    for (const policy of [{}, { limits }, { credits: { initial: 100 } }]) {
      const scopes = ['payments:approve', 'keys:*', 'invoices:*']
      const { ask, token, allowBob } = await openApi(t, { policy: { scopes, ...policy } })
      const permissionsOf = async (question = {}) => (await ask({ key: token, ...question })).body.permissions
      assert.deepEqual(await permissionsOf(), [])
      await allowBob('invoices:read', 'keys:verify')
      assert.deepEqual(await permissionsOf(), ['keys:verify', 'invoices:read'])
      assert.deepEqual(await permissionsOf({ permissions: 'payments:approve' }), [
        'keys:verify',
        'invoices:read',
      ])
      assert.deepEqual(await permissionsOf({ explain: true }), ['keys:verify', 'invoices:read'])
      await allowBob('*:*')
      assert.deepEqual(await permissionsOf(), scopes)
    }
    const { ask, token } = await openApi(t)
    assert.ok(!('permissions' in (await ask({ key: token })).body), 'a key without scopes')
  })

  test('answers with the state of limits and what is left of the budget', async (t) => {
    const limits = [{ name: 'burst', limit: 5, windowMs: 60_000 }]
    const { ask, token } = await openApi(t, { policy: { limits, credits: { initial: 10 } } })
    const { body } = await ask({ key: token, cost: 3 })
    assert.deepEqual(body.limits, [{ name: 'burst', limit: 5, remaining: 2, resetAt: 1_700_000_036_000 }])
    assert.equal(body.credits, 7)
  })

  test('has a code for every refusal', async (t) => {
    const { ask, token, authority, root } = await openApi(t, {
      ttlMs: 1_000_000,
      policy: {
        addresses: ['198.51.100.0/24'],
        scopes: ['a:b'],
        limits: [{ name: 'l', limit: 2, windowMs: 60_000 }],
        credits: { initial: 1 },
      },
    })
    const id = 'k1' as KeyId
    const ip = '198.51.100.1'
    const codeOf = async (more: object = { ip }) => {
      const { status, body } = await ask({ key: token, ...more })
      assert.equal(status, 200)
      assert.equal(body.valid, body.code === 'VALID')
      return body.code
    }
    assert.equal((await ask({ key: 'nonsense' })).body.code, 'MALFORMED')
    assert.equal((await ask({ key: 'kapikey-a.b.c' })).body.code, 'NOT_FOUND')
    assert.equal(await codeOf({}), 'FORBIDDEN')
    assert.equal(await codeOf({ ip, permissions: 'a:c' }), 'INSUFFICIENT_PERMISSIONS')
    assert.equal(await codeOf(), 'VALID')
    assert.equal(await codeOf(), 'USAGE_EXCEEDED')
    await authority.lifeCycle.setCredits(root, id, { operation: 'set', amount: 10 })
    assert.equal(await codeOf(), 'VALID')
    assert.equal(await codeOf(), 'RATE_LIMITED')
    await authority.lifeCycle.disable(root, id, undefined)
    assert.equal(await codeOf(), 'DISABLED')
    await authority.lifeCycle.enable(root, id)
    authority.clock.passMs(1_000_000)
    assert.equal(await codeOf(), 'EXPIRED')
    await authority.lifeCycle.revoke(root, id, { reason: REVOCATION_REASONS[0] })
    assert.equal(await codeOf(), 'REVOKED')
  })

  test('is news from the very first request after a change', async (t) => {
    const { ask, token, authority, root } = await openApi(t)
    assert.equal((await ask({ key: token })).body.name, 'd')
    await authority.lifeCycle.update(root, 'k1' as KeyId, { description: 'another' })
    assert.equal((await ask({ key: token })).body.name, 'another')
    const { token: next } = await authority.lifeCycle.rotate(root, 'k1' as KeyId, { graceMs: 5_000 })
    assert.equal((await ask({ key: token })).body.expiresAt, 1_700_000_005_000)
    assert.equal((await ask({ key: next.reveal() })).body.expiresAt, null)
  })

  test('explains itself to whoever may see that, and then counts nothing', async (t) => {
    const { ask, token, callerKey } = await openApi(t, { policy: { credits: { initial: 1 } } })
    const { body } = await ask({ key: token, explain: true, resource: 'invoice 7' })
    assert.equal(body.explanation.resource, 'invoice 7')
    assert.deepEqual(
      body.explanation.steps.map(({ check }: { check: string }) => check),
      [
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
      ],
    )
    assert.equal((await ask({ key: token })).body.credits, 0, 'the explanation spent nothing')
    const plain = await callerKey('plain', ['keys:verify'])
    const refused = await ask({ key: token, explain: true }, { 'x-api-key': plain })
    assert.equal(refused.status, 403)
    assert.equal(refused.body.code, 'right.missing')
  })
})

describe('a secret that a rotation replaced, or that is planned', () => {
  const rotations = {
    'when its grace is over': { graceMs: 1_000, inMs: 0, shows: 'old' },
    'when it ended at once': { graceMs: 0, inMs: 0, shows: 'old' },
    'before it is good': { graceMs: 0, inMs: 5_000, shows: 'new' },
  } as const
  for (const [when, { graceMs, inMs, shows }] of Object.entries(rotations)) {
    test(`is answered as a token that never was ${when}, and explained to who may see that`, async (t) => {
      const { ask, askBatch, authority, root, token } = await openApi(t)
      const never = await ask({ key: mintedElsewhere() })
      const cutOverAt = authority.clock.now() + inMs
      const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs, cutOverAt })
      authority.clock.passMs(1_000)
      const key = shows === 'old' ? token : next.reveal()
      assert.deepEqual((await ask({ key })).body, never.body)
      assert.deepEqual((await askBatch([key])).body.results[0], never.body)
      const { explanation, ...rest } = (await ask({ key, explain: true })).body
      assert.deepEqual(rest, never.body)
      assert.match(explanation.steps[0].remedy, /rotation replaced|good from/)
    })
  }

  test('is told apart from a mistyped one by the explanation', async (t) => {
    const { ask } = await openApi(t)
    const key = mintedElsewhere()
    const remedyOf = async (text: string) =>
      (await ask({ key: text, explain: true })).body.explanation.steps[0].remedy
    assert.match(await remedyOf(key), /^No key has this token, .*, or a rotation replaced it: /)
    assert.match(await remedyOf(`${key}x`), /^This is no token of this server, or it was mistyped: /)
  })

  /** A token whose form and checksum are right, of no key. */
  function mintedElsewhere(): string {
    return mintNativeToken(createNodeRandomness(), { prefix: 'lk', environment: 'live' }).token
  }
})

describe('who asks', () => {
  test('must show a token', async (t) => {
    const { ask, token } = await openApi(t)
    const { status, fields, body } = await ask({ key: token }, {})
    assert.equal(status, 401)
    assert.equal(body.code, 'token.missing')
    assert.match(fields, /^www-authenticate: Bearer realm="latchkey"/im)
    assert.doesNotMatch(fields, /error=/)
  })

  test('must show it once', async (t) => {
    const { ask, token } = await openApi(t)
    const both = { authorization: `Bearer ${token}`, 'x-api-key': token }
    assert.equal((await ask({ key: token }, both)).status, 400)
  })

  test('gets one and the same answer for every bad token', async (t) => {
    const { ask, authority, root, callerKey } = await openApi(t)
    const revoked = await callerKey('gone', ['keys:verify'])
    const disabled = await callerKey('off', ['keys:verify'])
    const expired = await callerKey('old', ['keys:verify'], { ttlMs: 1 })
    authority.clock.passMs(10)
    await authority.lifeCycle.revoke(root, 'gone-key' as KeyId, { reason: 'unspecified' })
    await authority.lifeCycle.disable(root, 'off-key' as KeyId, undefined)
    const answers = []
    for (const bad of ['nonsense', 'kapikey-a.b.c', revoked, disabled, expired]) {
      const { status, fields, body } = await ask(
        { key: 'x' },
        { authorization: `Bearer ${bad}`, 'x-request-id': 'r' },
      )
      answers.push(JSON.stringify([status, fields, body]))
    }
    assert.equal(new Set(answers).size, 1)
    assert.match(answers[0] ?? '', /401.*error=\\"invalid_token\\"/)
  })

  test('needs the right to verify, and loses it from the very next request', async (t) => {
    const { ask, token, authority, root, callerKey } = await openApi(t)
    const stranger = await callerKey('stranger', ['keys:read'])
    const refused = await ask({ key: token }, { 'x-api-key': stranger })
    assert.equal(refused.status, 403)
    assert.match(refused.fields, /error="insufficient_scope"/)

    const narrowed = await callerKey('narrow', ['keys:verify'], { policy: { scopes: ['invoices:*'] } })
    assert.equal((await ask({ key: token }, { 'x-api-key': narrowed })).status, 403)

    const good = await callerKey('good', ['keys:verify'])
    const asGood = () => ask({ key: token }, { 'x-api-key': good })
    assert.equal((await asGood()).status, 200)
    const profileIds = ['default']
    await authority.users.update(root, 'good' as UserId, { content: {}, profileIds: profileIds as never })
    assert.equal((await asGood()).status, 403)
  })

  test('may show a session', async (t) => {
    const { ask, token, authority, userWhoMay } = await openApi(t)
    const caller = await userWhoMay('human', 'keys:verify')
    const credentials = { username: 'human', password: 'a long password' }
    await authority.credentials.create(authority.nobody, 'local', caller.user.id, credentials)
    const { token: session } = await authority.sessions.login(
      { strategy: 'local', ...credentials },
      { carrier: 'http', requestId: 'r', local: false },
    )
    assert.equal(
      (await ask({ key: token }, { authorization: `Bearer ${session.reveal()}` })).body.code,
      'VALID',
    )
    const eve = await authority.sessions.createToken(await userWhoMay('eve2', 'keys:read'), {
      singleUse: false,
    })
    assert.equal((await ask({ key: token }, { authorization: `Bearer ${eve.token.reveal()}` })).status, 403)
  })

  test('is held to the limits of its own key', async (t) => {
    const { ask, token, callerKey } = await openApi(t)
    const limits = [{ name: 'l', limit: 1, windowMs: 60_000 }]
    const caller = { 'x-api-key': await callerKey('busy', ['keys:verify'], { policy: { limits } }) }
    assert.equal((await ask({ key: token }, caller)).status, 200)
    const { status, fields } = await ask({ key: token }, caller)
    assert.equal(status, 429)
    assert.match(fields, /^retry-after: 60\r$/im)
    assert.match(fields, /^ratelimit-policy: "l";q=1;w=60\r$/im)
    assert.match(fields, /^ratelimit: "l";r=0;t=60\r$/im)
  })

  test('must be an administrator in failsafe mode', async (t) => {
    const { ask, token, authority, root } = await openApi(t, {}, true)
    assert.equal((await ask({ key: token })).status, 403)
    const admin = await authority.keys.issueFor(root, { owner: root.user.id, description: 'a' })
    assert.equal((await ask({ key: token }, { 'x-api-key': admin.token.reveal() })).status, 200)
  })

  test('may be anybody where the operator wants it, but not for explanations', async (t) => {
    const { authority, token } = await openApi(t)
    const open = createVerifyApi({ authority, checkCaller: checkNobody, bodyBytesMax: 1_000 }).routes[0]
    assert.ok(open !== undefined)
    assert.equal(answerOf(await open.answer(requestOf({ key: token }, {}))).body.code, 'VALID')
    assert.equal(answerOf(await open.answer(requestOf({ key: token, explain: true }, {}))).status, 403)
  })
})

describe('the name of a request', () => {
  test('is repeated in every answer when the client gave a plain one', async (t) => {
    const { ask, askBatch, token, callerKey } = await openApi(t)
    const shown = { 'x-api-key': await callerKey('asker', ['keys:verify']) }
    const named = { 'x-request-id': 'r-1' }
    for (const asked of [{ key: token }, { key: 'x' }, { key: token, cost: 0 }, { ky: 'x' }]) {
      assert.match((await ask(asked, { ...shown, ...named })).fields, /^x-request-id: r-1\r$/im)
    }
    assert.match((await askBatch([token], named)).fields, /^x-request-id: r-1\r$/im)
    for (const odd of [{}, { 'x-request-id': 'a b' }, { 'x-request-id': 'x'.repeat(129) }]) {
      assert.doesNotMatch((await ask({ key: token }, { ...shown, ...odd })).fields, /x-request-id/i)
    }
  })

  test('is one and the same in a refusal and in the audit trail when the client gave none', async (t) => {
    const { ask, token, authority } = await openApi(t)
    const { status, fields, body } = await ask({ key: token }, { 'x-api-key': 'kapikey-a.b.c' })
    assert.equal(status, 401)
    const [, id] = /^X-Request-Id: ([\da-f-]{36})\r$/m.exec(fields) ?? []
    assert.equal(body.instance, `urn:latchkey:request:${id}`)
    await authority.housekeeping.runOnce()
    const refused = authority.audited.find(({ action }) => action === 'token.refused')
    assert.equal(refused?.origin.requestId, id)
  })

  test('is one for all keys of a batch', async (t) => {
    const { askBatch, authority } = await openApi(t)
    await askBatch(['nonsense', 'kapikey-a.b.c'])
    await authority.housekeeping.runOnce()
    const refused = authority.audited.filter(({ action }) => action === 'token.refused')
    assert.equal(refused.length, 2)
    assert.equal(new Set(refused.map(({ origin }) => origin.requestId)).size, 1)
    assert.notEqual(refused[0]?.origin.requestId, '')
  })
})

describe('what is no question', () => {
  test('is refused with a problem document that names the request', async (t) => {
    const { ask, token } = await openApi(t)
    const caller = { 'x-api-key': token, 'x-request-id': 'r-1' }
    const { status, fields, body } = await ask('{"key":', { ...caller, 'x-api-key': '' })
    assert.equal(status, 401, 'who asks is judged before the body is read')
    assert.match(fields, /^x-request-id: r-1\r$/im)
    assert.equal(body.instance, 'urn:latchkey:request:r-1')
    assert.equal((await ask('{"key":')).body.code, 'request.malformed_body')
    assert.equal((await ask({ key: token, permission: 'x' })).body.code, 'request.invalid')
    assert.equal((await ask({ key: token, permissions: 'a:*' })).body.code, 'policy.invalid')
  })

  test('of another media type is refused before anybody is asked', async (t) => {
    const { ask, token } = await openApi(t)
    const { status, body } = await ask({ key: token }, { 'content-type': 'text/plain' })
    assert.equal(status, 415)
    assert.equal(body.code, 'request.unsupported_media_type')
  })
})

describe('a batch', () => {
  test('answers in order what single verifications would', async (t) => {
    const { ask, askBatch, token } = await openApi(t)
    const keys = [token, 'nonsense', { key: token, permissions: 'a:b' }, { key: 'kapikey-a.b.c' }]
    const { body } = await askBatch(keys)
    const single = await Promise.all(
      keys.map(async (key) => (await ask(typeof key === 'string' ? { key } : key)).body),
    )
    assert.deepEqual(body.results, single)
  })

  test('is not spoilt for the others by what one client sent as its key or address', async (t) => {
    const { ask, askBatch, token } = await openApi(t, { policy: { addresses: ['198.51.100.0/24'] } })
    const free = { key: token, ip: '198.51.100.1' }
    const hostile = ['', ' ', 'x'.repeat(20_000), '\ud800', '\0', `${token}\n`]
    const nowhere = ['', 'here', '198.51.100.1/24', '198.51.100.1, 10.0.0.1', 'x'.repeat(20_000)]
    const keys = [free, ...hostile, ...nowhere.map((ip) => ({ key: token, ip })), free]
    const { status, body } = await askBatch(keys)
    assert.equal(status, 200)
    const codes: readonly string[] = body.results.map(({ code }: { code: string }) => code)
    assert.deepEqual(codes, [
      'VALID',
      ...hostile.map(() => 'MALFORMED'),
      ...nowhere.map(() => 'FORBIDDEN'),
      'VALID',
    ])
    for (const key of hostile) {
      assert.equal((await ask({ key })).body.code, 'MALFORMED')
      assert.equal((await ask({ key, explain: true })).body.code, 'MALFORMED')
    }
  })

  test('knows a key that is bound to no address also by an address that is none', async (t) => {
    const { askBatch, token } = await openApi(t)
    const { body } = await askBatch([{ key: token, ip: 'here' }])
    assert.equal(body.results[0].code, 'VALID')
  })

  test('of many keys is judged in turns, and spends exactly', async (t) => {
    const { askBatch, token } = await openApi(t, { policy: { credits: { initial: 400 } } })
    const { body } = await askBatch(Array.from({ length: 1_000 }, () => token))
    const codes: readonly string[] = body.results.map(({ code }: { code: string }) => code)
    assert.equal(codes.filter((code) => code === 'VALID').length, 400)
    assert.equal(codes.filter((code) => code === 'USAGE_EXCEEDED').length, 600)
  })
})

describe('a key that is bound to what its client holds', () => {
  const thumbprint = createHash('sha256').update('a certificate').digest('base64url')

  test('is good with the certificate that the service saw, and forbidden without', async (t) => {
    const { ask, askBatch, token } = await openApi(t, { policy: { confirmation: { x5tS256: thumbprint } } })
    assert.equal((await ask({ key: token, certificate: thumbprint })).body.code, 'VALID')
    for (const certificate of ['', 'x', thumbprint.slice(1), '\u{10ffff}']) {
      assert.equal((await ask({ key: token, certificate })).body.code, 'FORBIDDEN')
    }
    const { body } = await askBatch([token, { key: token, certificate: thumbprint }, { key: token }])
    assert.deepEqual(
      body.results.map(({ code }: { code: string }) => code),
      ['FORBIDDEN', 'VALID', 'FORBIDDEN'],
    )
  })

  test('is good once with each proof, also within one batch', async (t) => {
    const client = createDpopClient()
    const { ask, askBatch, token, authority } = await openApi(t, {
      policy: { confirmation: { jkt: client.jkt } },
    })
    const dpop = client.prove(token, authority.clock.now())
    const { body } = await askBatch([
      { key: token, dpop },
      { key: token, dpop },
    ])
    assert.deepEqual(
      body.results.map(({ code }: { code: string }) => code),
      ['VALID', 'FORBIDDEN'],
    )
    const elsewhere = { ...client.prove(token, authority.clock.now()), url: 'https://api.example.com/other' }
    const explained = (await ask({ key: token, dpop: elsewhere, explain: true })).body
    assert.equal(explained.code, 'FORBIDDEN')
    const step = explained.explanation.steps.find(({ outcome }: { outcome: string }) => outcome === 'refused')
    assert.equal(step.check, 'confirmation')
    assert.match(step.remedy, /"htu" is not the URL/)
    assert.equal((await ask({ key: token, dpop: { proof: '', method: '', url: '' } })).body.code, 'FORBIDDEN')
  })

  test('takes the proofs that a library of others makes, with every algorithm', async (t) => {
    for (const alg of PROOF_ALGORITHMS) {
      const { privateKey, publicKey } = await generateKeyPair(alg)
      const jwk = await exportJWK(publicKey)
      const { ask, token, authority } = await openApi(t, {
        policy: { confirmation: { jkt: await calculateJwkThumbprint(jwk) } },
      })
      const [method, url] = ['POST', 'https://api.example.com/invoices?page=2']
      const ath = createHash('sha256').update(token).digest('base64url')
      const proof = await new SignJWT({ htm: method, htu: 'https://api.example.com/invoices', ath })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk })
        .setIssuedAt(authority.clock.now() / 1_000)
        .setJti('1')
        .sign(privateKey)
      assert.equal((await ask({ key: token, dpop: { proof, method, url } })).body.code, 'VALID', alg)
    }
  })

  test('verifies nothing for a service of its own, whose proof nobody sees', async (t) => {
    const { ask, token, callerKey } = await openApi(t)
    const bound = await callerKey('bound', ['keys:verify'], {
      policy: { confirmation: { x5tS256: thumbprint } },
    })
    const { status, body } = await ask(
      { key: token, certificate: thumbprint },
      { authorization: `Bearer ${bound}` },
    )
    assert.deepEqual([status, body.code], [403, 'token.forbidden'])
  })
})
