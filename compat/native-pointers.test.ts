import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { askNative, createNativeAdmin } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** A request that is wrong in one place: route, body, and where that is; undefined: in none of the body. */
type Case = readonly [method: string, path: string, body: unknown, pointer: string | undefined]

const FOREVER = 'P1000D'
const limit = (name: string, window: unknown = 1_000) => ({ name, limit: 1, window })

const CASES: readonly Case[] = [
  ['POST', '/v1/keys', { scopes: ['a:b', 'not a scope!'] }, '/scopes/1'],
  ['POST', '/v1/keys', { addresses: ['nowhere'] }, '/addresses/0'],
  ['POST', '/v1/keys', { limits: [limit('a'), limit('a')] }, '/limits/1/name'],
  ['POST', '/v1/keys', { limits: [limit('a', 0)] }, '/limits/0/window'],
  ['POST', '/v1/keys', { idleTimeout: 'P9999D' }, '/idleTimeout'],
  ['POST', '/v1/keys', { credits: every(1) }, '/credits/refill/every'],
  ['PATCH', '/v1/keys/k', { window: { days: ['mon', 'mon'] } }, '/window/days/1'],
  ['PUT', '/v1/owners/bob', { limits: [limit('a'), limit('a')] }, '/limits/1/name'],
  ['POST', '/v1/keys/k/rotate', { grace: FOREVER }, '/grace'],
  ['POST', '/v1/keys/k/rotate', { graceMs: 1e12 }, '/graceMs'],
  ['POST', '/v1/keys/k/rotate', { cutOverAt: 1 }, '/cutOverAt'],
  ['POST', '/v1/keys/k/credits', { operation: 'set', amount: 1 }, undefined],
  ['POST', '/v1/keys/k/credits', { operation: 'set', amount: 1e10 }, '/amount'],
  ['POST', '/v1/verify', { key: 'x', permissions: 'a:*' }, '/permissions'],
  ['POST', '/v1/verify/batch', { keys: ['x', { key: 'x', permissions: 'a:*' }] }, '/keys/1/permissions'],
]

function every(ms: number) {
  return { initial: 1, refill: { interval: 'every', amount: 1, every: ms } }
}

describe('a refusal of what the body says', () => {
  let server: RunningServer
  let admin: string
  before(async () => {
    server = await startServer()
    admin = await createNativeAdmin(server)
    await askNative(server, 'POST', '/v1/owners', { token: admin, body: { id: 'bob' } })
    await askNative(server, 'POST', '/v1/keys', { token: admin, body: { id: 'k' } })
  })
  after(async () => {
    await server.stop()
    server.discard()
  })

  for (const [method, path, body, pointer] of CASES)
    it(`points to ${pointer ?? 'nothing'} in ${method} ${path} ${JSON.stringify(body)}`, async () => {
      const answer = await askNative(server, method, path, { token: admin, body })
      assert.equal(answer.status, 400, answer.text)
      const errors: readonly { readonly pointer: string }[] = answer.body.errors ?? []
      assert.deepEqual(errors[0]?.pointer, pointer, answer.text)
    })
})
