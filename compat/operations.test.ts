import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { ADMIN, ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

type Options = Parameters<typeof startServer>[0]

async function started(t: TestContext, options: Options = {}): Promise<RunningServer> {
  const server = await startServer(options)
  t.after(async () => {
    await server.stop()
    server.discard()
  })
  return server
}

/** Values of the samples of `/metrics` by name and labels. */
async function readMetrics(server: { readonly url: string }): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  )
}

async function issueKey(server: RunningServer, token: string, policy: object = {}): Promise<string> {
  const created = await ask(server, 'POST', '/v1/keys', { token, body: policy })
  assert.equal(created.status, 201, JSON.stringify(created.body))
  return created.body.key
}

/** Status of an answer, over a connection of its own or one of the agent. */
function statusOf(
  server: { readonly url: string },
  path: string,
  agent: Agent | false = false,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, { agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    outgoing.on('error', reject).end()
  })
}

describe('what operators see of a running server', () => {
  for (const workers of [1, 3])
    it(`counts verifications over all threads, however many: ${workers}`, async (t) => {
      const server = await started(t, { arguments: ['--workers', String(workers)] })
      const session = await createAdmin(server)
      const key = await issueKey(server, session)
      const check = (shown: string) =>
        fetch(`${server.url}/v1/authorize`, {
          headers: { authorization: `Bearer ${shown}`, connection: 'close' },
        })
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => check(index % 4 ? key : 'no')),
      )
      assert.equal(answers.filter(({ status }) => status === 200).length, 30)
      const verified = await ask(server, 'POST', '/v1/verify', { token: session, body: { key } })
      assert.equal(verified.body.valid, true)
      const metrics = await readMetrics(server)
      assert.equal(metrics.get('latchkey_verifications_total{code="VALID"}'), 31)
      assert.equal(metrics.get('latchkey_verifications_total{code="MALFORMED"}'), 10)
      assert.equal(metrics.get('latchkey_http_requests_total{api="authorize",status="2xx"}'), 30)
      assert.equal(metrics.get('latchkey_http_requests_total{api="authorize",status="401"}'), 10)
      assert.equal(metrics.get('latchkey_http_requests_total{api="verify",status="2xx"}'), 1)
      assert.equal(metrics.get('latchkey_http_request_duration_seconds_count{api="authorize"}'), 40)
      assert.ok((metrics.get('latchkey_verification_duration_seconds_count') ?? 0) > 0)
      assert.ok((metrics.get('latchkey_store_duration_seconds_count{operation="write"}') ?? 0) > 0)
      const threads = [...metrics.keys()].filter((name) => name.startsWith('latchkey_heap_used_bytes'))
      assert.equal(threads.length, workers)
    })

  it('says in time that it is draining, and still answers meanwhile', async (t) => {
    const server = await started(t, { arguments: ['--server.drain-delay', '5s'] })
    const agent = new Agent({ keepAlive: true })
    t.after(() => agent.destroy())
    assert.equal(await statusOf(server, '/readyz', agent), 200)
    const stopped = server.stop('SIGTERM')
    while ((await statusOf(server, '/readyz')) === 200);
    assert.equal(await statusOf(server, '/readyz'), 503)
    assert.equal(await statusOf(server, '/livez'), 200)
    assert.equal((await ask(server, 'GET', '/_now')).status, 200)
    assert.equal(await stopped, 0)
  })

  it('keeps administration to a listener of its own', async (t) => {
    const server = await started(t, { arguments: ['--admin.port', '0'] })
    const adminUrl = /administration is answered on (http:\S+)/.exec(server.output())?.[1] ?? assert.fail()
    const admin = { ...server, url: adminUrl }
    const session = await createAdmin(admin)
    const key = await issueKey(admin, session)
    for (const path of ['/_now', '/_me', '/v1/keys', '/v1/openapi.json', '/metrics', '/'])
      assert.equal((await ask(server, 'GET', path, { token: session })).status, 404, path)
    const login = await ask(server, 'POST', '/_login/local', { body: ADMIN })
    assert.equal(login.status, 404)
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    const status = await new Promise((resolve, reject) => {
      const outgoing = request(`${server.url}/`, {
        headers: { ...upgrade, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
      })
      outgoing.on('response', ({ statusCode }) => resolve(statusCode)).on('error', reject)
      outgoing.on('upgrade', (_response, socket) => {
        socket.destroy()
        resolve('upgraded')
      })
      outgoing.end()
    })
    assert.equal(status, 404)

    for (const url of [server, admin]) {
      assert.equal((await ask(url, 'GET', '/livez')).status, 200)
      assert.equal((await ask(url, 'GET', '/v1/whoami', { token: key })).status, 200)
      const authorized = await fetch(`${url.url}/v1/authorize`, { headers: { 'x-api-key': key } })
      assert.equal(authorized.status, 200)
      const verified = await ask(url, 'POST', '/v1/verify', { token: session, body: { key } })
      assert.equal(verified.body.valid, true)
    }
    // What is not for everybody is counted all the same: `/_now`, `/_me`, `/`, the login and the upgrade.
    assert.equal((await readMetrics(admin)).get('latchkey_http_requests_total{api="kuzzle",status="404"}'), 5)
  })

  it('logs requests at level debug, with their ids and without secrets', async (t) => {
    const server = await startServer({ arguments: ['--log-level', 'debug'] })
    t.after(server.discard)
    const session = await createAdmin(server)
    const key = await issueKey(server, session)
    const headers = { 'x-request-id': 'my-request-7' }
    await ask(server, 'GET', '/v1/whoami', { token: key, headers })
    await fetch(`${server.url}/v1/authorize/${key}?token=${key}`, { headers: { 'x-api-key': key } })
    await ask(server, 'GET', `/v1/keys/${key}`, { token: session })
    const refused = await ask(server, 'POST', '/v1/verify', { body: { key: 'x' } })
    const named = { 'x-request-id': 'my-request-8', 'x-api-key': key }
    const authorized = await fetch(`${server.url}/v1/authorize/named`, { headers: named })
    assert.equal(authorized.headers.get('x-request-id'), 'my-request-8')
    assert.equal(await server.stop(), 0)
    const lines = server
      .output()
      .split('\n')
      .flatMap((line) => / debug request (\{.*\})$/.exec(line)?.[1] ?? [])
      .map((facts) => JSON.parse(facts))
    const whoami = lines.find(({ requestId }) => requestId === 'my-request-7')
    assert.deepEqual([whoami?.path, whoami?.method, whoami?.status], ['/v1/whoami', 'GET', 200])
    assert.ok(whoami.durationMs > 0)
    const unnamed = lines.find(({ api }) => api === 'authorize')
    assert.equal(unnamed?.path, '/v1/authorize/[long]')
    assert.match(unnamed.requestId, /^[\da-f-]{36}$/)
    assert.equal(lines.find(({ path }) => path === '/v1/authorize/named')?.requestId, 'my-request-8')
    const { requestId } = lines.find(({ api }) => api === 'verify') ?? {}
    assert.equal(refused.body.instance, `urn:latchkey:request:${requestId}`)
    assert.equal(server.output().includes(key), false)
    assert.equal(server.output().includes(session), false)
  })

  it('traces requests and calls of the store with the SDK that was loaded', async (t) => {
    const sdk = new URL('./fixtures/print-spans.ts', import.meta.url).href
    const server = await startServer({
      arguments: ['--tracing.enabled'],
      environment: { NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${sdk}` },
    })
    t.after(server.discard)
    const session = await createAdmin(server)
    const key = await issueKey(server, session)
    await fetch(`${server.url}/v1/authorize`, { headers: { authorization: `Bearer ${key}` } })
    assert.equal(await server.stop(), 0)
    const spans = server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{"span":'))
      .map((line) => JSON.parse(line))
    const authorized = spans.find(({ span }) => span === 'GET authorize')
    assert.equal(authorized?.attributes['http.response.status_code'], 200)
    const lookUp = spans.find(({ parentSpanId }) => parentSpanId === authorized.spanId)
    assert.equal(lookUp?.span, 'store keys.lookUp')
    const created = spans.find(
      ({ span, attributes }) => span === 'POST native' && attributes['url.path'] === '/v1/keys',
    )
    const inserted = spans.find(
      ({ span, traceId }) => span === 'store keys.insert' && traceId === created?.traceId,
    )
    assert.ok(inserted, 'the insertion of a key is part of the request that wanted it')
    assert.doesNotMatch(server.output(), /no OpenTelemetry SDK/)
  })

  it('says so when tracing is on and nobody takes the spans', async (t) => {
    const server = await started(t, { arguments: ['--tracing.enabled'] })
    assert.match(server.output(), /tracing\.enabled is on, but no OpenTelemetry SDK was loaded/)
  })
})
