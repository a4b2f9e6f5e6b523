import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openManagedKeys } from '../../core/contract/managed-keys.ts'
import type { KeyId } from '../../core/ids.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { createGuard } from './guard.ts'

const RIGHT = { controller: 'server', action: 'metrics' }

async function openGuard(t: TestContext) {
  const keys = await openManagedKeys(t)
  const { authority, root } = keys
  const guard = createGuard({ authority, clock: authority.clock, addressOf: ({ address }) => address })
  const ask = async (headers: HttpRequest['headers']) => {
    const reply = await guard(requestOf(headers), RIGHT)
    const document = reply && JSON.parse(String(reply.body))
    return { reply, status: reply?.status, code: document?.code, instance: document?.instance }
  }
  const keyOf = async (id: string, right: string, scopes?: readonly string[]) => {
    const { user } = await keys.userWhoMay(id, right)
    const policy = scopes === undefined ? {} : { policy: { scopes } }
    const request = { owner: user.id, description: '', id: `${id}-key` as KeyId, native: {}, ...policy }
    return (await authority.keys.issueFor(root, request)).token.reveal()
  }
  return { ask, keyOf }
}

function requestOf(headers: HttpRequest['headers']): HttpRequest {
  return {
    method: 'GET',
    path: '/metrics',
    query: '',
    headers: { host: 'keys.test', ...headers },
    address: '192.0.2.7',
    local: false,
    id: 'request-1',
    isGone: false,
    stream: () => assert.fail('nothing is read'),
    readBody: () => assert.fail('nothing is read'),
  }
}

test('a key with the right passes wherever it is shown', async (t) => {
  const { ask, keyOf } = await openGuard(t)
  const key = await keyOf('watcher', 'server:metrics', ['server:metrics'])
  for (const headers of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }])
    assert.equal((await ask(headers)).reply, undefined)
})

test('a good key without the right is told so, whether its owner or its scopes lack it', async (t) => {
  const { ask, keyOf } = await openGuard(t)
  for (const key of [
    await keyOf('reader', 'keys:read'),
    await keyOf('narrow', 'server:metrics', ['invoices:*']),
  ]) {
    for (const headers of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
      const { status, code } = await ask(headers)
      assert.deepEqual([status, code], [403, 'right.missing'])
    }
  }
})

test('who shows no good token is challenged, in a problem document that names the request', async (t) => {
  const { ask } = await openGuard(t)
  const none = await ask({})
  assert.deepEqual([none.status, none.code], [401, 'token.missing'])
  assert.equal(none.instance, 'urn:latchkey:request:request-1')
  assert.equal(none.reply?.headers['X-Request-Id'], 'request-1')
  assert.equal(none.reply?.headers['Cache-Control'], 'no-store')
  assert.equal((await ask({ authorization: 'Basic abc' })).code, 'token.missing')
  const bad = await ask({ 'x-api-key': 'nonsense', 'x-request-id': 'mine' })
  assert.deepEqual([bad.status, bad.code, bad.instance], [401, 'token.invalid', 'urn:latchkey:request:mine'])
  assert.match(String(bad.reply?.headers['WWW-Authenticate']), /error="invalid_token"/)
})
