import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { createWebAppSecurity } from './web-app-security.ts'

function guards(params: Readonly<Record<string, string>>) {
  const time = { now: 0, waiting: [] as { readonly ms: number; readonly go: () => void }[] }
  const provider = { role: 'webappsec', name: 'WebAppSec', params: new Map(Object.entries(params)) } as const
  const security = createWebAppSecurity(provider, 't.xml', {
    now: () => time.now,
    wait: (ms) => new Promise((go) => time.waiting.push({ ms, go })),
  })
  return { security, time }
}

/** Status and text with which a request is refused; undefined: it passes. */
function refusalOf(work: () => unknown): readonly [number, string | undefined] | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    assert.ok(error instanceof KnoxRefusal)
    return [error.status, error.shown]
  }
}

describe('WebAppSec', () => {
  it('does nothing that is not switched on', () => {
    const { security } = guards({ 'csrf.customHeader': 'X', 'xframe.options': 'DENY' })
    assert.equal(security.before(requestFor('POST', '/x')), undefined)
    assert.deepEqual(security.headers(requestFor('POST', '/x')), {})
  })

  describe('CSRF', () => {
    it('wants a header of requests that change something', () => {
      const { security } = guards({ 'csrf.enabled': 'true' })
      const ask = (method: string, headers = {}) =>
        refusalOf(() => security.before(requestFor(method, '/x', { headers })))
      assert.deepEqual(ask('POST'), [400, 'Missing Required Header for Vulnerability Protection'])
      assert.deepEqual(ask('DELETE')?.[0], 400)
      assert.equal(ask('POST', { 'x-xsrf-header': '' }), undefined)
      for (const method of ['GET', 'OPTIONS', 'HEAD']) assert.equal(ask(method), undefined)
    })

    it('takes header and methods from its parameters', () => {
      const { security } = guards({
        'csrf.enabled': 'true',
        'csrf.customHeader': 'X-Mine',
        'csrf.methodsToIgnore': 'post, put',
      })
      const ask = (method: string, headers = {}) =>
        refusalOf(() => security.before(requestFor(method, '/x', { headers })))
      assert.equal(ask('PUT'), undefined)
      assert.equal(ask('GET')?.[0], 400)
      assert.equal(ask('GET', { 'x-mine': '1' }), undefined)
    })
  })

  describe('CORS', () => {
    const ORIGIN = { origin: 'https://a.example' }

    it('answers preflights, and tells the browser who may read', () => {
      const { security } = guards({
        'cors.enabled': 'true',
        'cors.allowOrigin': 'https://a.example, https://b.example',
        'cors.maxAge': '60',
        'cors.exposedHeaders': 'X-One,X-Two',
      })
      const preflight = requestFor('OPTIONS', '/x', {
        headers: {
          ...ORIGIN,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-a',
        },
      })
      const reply = security.before(preflight)
      assert.ok(reply !== undefined && 'status' in reply)
      assert.deepEqual(
        [reply.status, reply.headers],
        [
          200,
          {
            'Access-Control-Allow-Methods': 'GET, POST, HEAD, OPTIONS',
            'Access-Control-Allow-Headers': 'x-a',
            'Access-Control-Max-Age': '60',
          },
        ],
      )
      assert.deepEqual(security.headers(preflight), {
        Vary: 'Origin',
        'Access-Control-Allow-Origin': 'https://a.example',
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': 'X-One, X-Two',
      })
      assert.equal(security.before(requestFor('POST', '/x', { headers: ORIGIN })), undefined)
      assert.equal(security.before(requestFor('POST', '/x')), undefined)
    })

    it('refuses other origins and methods that are not listed', () => {
      const { security } = guards({ 'cors.enabled': 'true', 'cors.allowOrigin': 'https://b.example' })
      const ask = (method: string, headers: Readonly<Record<string, string>>) =>
        refusalOf(() => security.before(requestFor(method, '/x', { headers })))
      assert.deepEqual(ask('POST', ORIGIN), [403, 'CORS origin denied: https://a.example'])
      const preflight = { origin: 'https://b.example', 'access-control-request-method': 'DELETE' }
      assert.deepEqual(ask('OPTIONS', preflight), [405, 'Unsupported HTTP method: DELETE'])
      assert.deepEqual(ask('DELETE', { origin: 'https://b.example' })?.[0], 405)
      assert.equal(
        security.headers(requestFor('GET', '/x', { headers: ORIGIN }))['Access-Control-Allow-Origin'],
        undefined,
      )
    })

    it('never lets any origin use the credentials that a browser remembers, which Knox does by default', () => {
      const { security } = guards({ 'cors.enabled': 'true', 'cors.supportsCredentials': 'true' })
      const headers = security.headers(requestFor('GET', '/x', { headers: ORIGIN }))
      assert.equal(headers['Access-Control-Allow-Origin'], '*')
      assert.equal(headers['Access-Control-Allow-Credentials'], undefined)
    })

    it('takes subdomains for their domain only when told to', () => {
      const params = { 'cors.enabled': 'true', 'cors.allowOrigin': 'https://example' }
      const ask = (more: Readonly<Record<string, string>>, origin: string) =>
        refusalOf(() =>
          guards({ ...params, ...more }).security.before(requestFor('GET', '/x', { headers: { origin } })),
        )
      assert.equal(ask({}, 'https://a.example')?.[0], 403)
      const more = { 'cors.allowSubdomains': 'true' }
      assert.equal(ask(more, 'https://a.example'), undefined)
      assert.equal(ask(more, 'http://a.example')?.[0], 403)
      assert.equal(ask(more, 'https://aexample')?.[0], 403)
    })
  })

  describe('rate limiting', () => {
    const ON = { 'rate.limiting.enabled': 'true' }
    const ask = (security: ReturnType<typeof guards>['security'], address = '10.0.0.1') =>
      security.before(requestFor('GET', '/x', { address }))

    it('refuses what is too much at once, each address for itself, and forgives with time', () => {
      const { security, time } = guards({
        ...ON,
        'rate.limiting.maxRequestsPerSec': '5',
        'rate.limiting.delayMs': '-1',
      })
      for (let n = 0; n < 5; n += 1) assert.equal(ask(security), undefined)
      assert.deepEqual(
        refusalOf(() => ask(security)),
        [429, undefined],
      )
      assert.equal(ask(security, '10.0.0.2'), undefined)
      time.now = 200
      assert.equal(ask(security), undefined)
      assert.deepEqual(refusalOf(() => ask(security))?.[0], 429)
    })

    it('holds requests back, but not more than it may', async () => {
      const { security, time } = guards({
        ...ON,
        'rate.limiting.maxRequestsPerSec': '1',
        'rate.limiting.delayMs': '70',
        'rate.limiting.throttledRequests': '2',
      })
      assert.equal(ask(security), undefined)
      const held = [ask(security), ask(security)]
      assert.deepEqual(refusalOf(() => ask(security))?.[0], 429)
      assert.deepEqual(
        time.waiting.map(({ ms }) => ms),
        [70, 70],
      )
      for (const { go } of time.waiting) go()
      assert.deepEqual(await Promise.all(held), [undefined, undefined])
      assert.ok(ask(security) instanceof Promise)
    })

    it('leaves listed addresses alone', () => {
      const { security } = guards({
        ...ON,
        'rate.limiting.maxRequestsPerSec': '1',
        'rate.limiting.delayMs': '-1',
        'rate.limiting.ipWhitelist': '192.168.*, 10.0.0.1',
      })
      for (let n = 0; n < 3; n += 1) assert.equal(ask(security), undefined)
    })
  })

  it('sends the headers that are switched on', () => {
    const { security } = guards({
      'xframe.options.enabled': 'true',
      'xcontent-type.options.enabled': 'true',
      'xss.protection.enabled': 'true',
      'strict.transport.enabled': 'true',
      'strict.transport': 'max-age=5',
      'security.header.X-Own': 'v',
    })
    assert.deepEqual(security.headers(requestFor('GET', '/x')), {
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      'X-XSS-Protection': '1;mode=block',
      'Strict-Transport-Security': 'max-age=5',
      'X-Own': 'v',
    })
  })

  it('is refused at start when a number is none', () => {
    for (const params of [
      { ...{ 'rate.limiting.enabled': 'true' }, 'rate.limiting.delayMs': 'soon' },
      { ...{ 'rate.limiting.enabled': 'true' }, 'rate.limiting.maxRequestsPerSec': '0' },
      { 'cors.enabled': 'true', 'cors.maxAge': 'long' },
    ]) {
      assert.throws(() => guards(params), TopologyProblem)
    }
  })
})
