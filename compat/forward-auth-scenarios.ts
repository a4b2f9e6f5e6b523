import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { createDpopClient } from '../server/src/core/contract/dpop-client.ts'
import { findProgram, type ProxyProgram, type RunningProxy, startProxy } from './forward-auth-proxy.ts'
import { ask, type RunningServer, startServer } from './running-server.ts'

/** A request as the application behind the proxy received it. */
type Received = {
  readonly method: string
  readonly path: string
  /** All lines of the head as text, to look for secrets in. */
  readonly head: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What the proxy answered. */
type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }

type Sent = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Where the proxy is, and from where clients come; both belong to this machine. */
const PROXY_ADDRESS = '127.0.0.1'
const CLIENT_ADDRESS = '127.0.0.2'

const PASSWORD = 'correct horse battery staple'

/** What every proxy must do with the example that we give; run with the real program, skipped where there is none. */
export function describeForwardAuth(proxy: ProxyProgram): void {
  const program = findProgram(proxy.command)
  const skip = program === undefined && `${proxy.command} is not installed on this machine`
  describe(`forward-auth with ${proxy.name}`, { skip }, () => {
    const received: Received[] = []
    let app: Server
    let server: RunningServer
    let running: RunningProxy
    let session: string
    let createdKeys = 0

    before(async () => {
      app = await startApp(received)
      server = await startServer({
        environment: {
          LATCHKEY_FORWARD_AUTH_TRUSTED_PROXIES: PROXY_ADDRESS,
          LATCHKEY_HTTP_TLS_CLIENT_CERTIFICATES: 'optional',
        },
      })
      running = await startProxy(proxy, program ?? '', { latchkey: server.port, app: portOf(app) })
      session = await startOwner(server)
    })

    after(async () => {
      await running?.stop()
      await server?.stop()
      server?.discard()
      app?.closeAllConnections()
      app?.close()
    })

    const bearer = (key: string): Sent => ({ headers: { authorization: `Bearer ${key}` } })
    const get = (path: string, sent: Sent = {}): Promise<Answer> => send(running.url, path, sent)

    async function issue(policy: object = {}): Promise<{ readonly key: string; readonly id: string }> {
      createdKeys += 1
      const body = { owner: 'melis', id: `key-${createdKeys}`, ...policy }
      const created = await ask(server, 'POST', '/v1/keys', { token: session, body })
      assert.equal(created.status, 201, JSON.stringify(created.body))
      return { key: created.body.key, id: created.body.id }
    }

    async function isRefused(answer: Promise<Answer>, status: number): Promise<Answer> {
      const before = received.length
      const refused = await answer
      assert.equal(refused.status, status, `${refused.body}\n${running.output()}`)
      assert.equal(received.length, before, 'the application heard nothing of it')
      return refused
    }

    it('lets a good key through, tells the application whose it is, and keeps the secret from it', async () => {
      const { key, id } = await issue({ scopes: ['invoices:read', 'reports:*'] })
      for (const headers of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
        const answer = await get('/orders?page=2', { headers })
        assert.equal(answer.status, 200, `${answer.body}\n${running.output()}`)
        const seen = received.at(-1)
        assert.equal(seen?.path, '/orders?page=2')
        assert.equal(seen?.headers['x-latchkey-owner'], 'melis')
        assert.equal(seen?.headers['x-latchkey-key-id'], id)
        assert.match(String(seen?.headers['x-latchkey-scopes']), /invoices:read.*reports:\*/)
        assert.doesNotMatch(String(seen?.head), new RegExp(key))
        assert.doesNotMatch(JSON.stringify(answer), new RegExp(key))
      }
    })

    it('passes method and body on', async () => {
      const { key } = await issue()
      const sent = { ...bearer(key), method: 'POST', body: JSON.stringify({ text: 'x'.repeat(20_000) }) }
      assert.equal((await get('/orders', sent)).status, 200)
      assert.deepEqual([received.at(-1)?.method, received.at(-1)?.body], ['POST', sent.body])
    })

    it('answers 401 with a challenge when no key is shown, and says nothing of an error then', async () => {
      const { headers } = await isRefused(get('/orders'), 401)
      assert.match(String(headers['www-authenticate']), /^Bearer realm="/)
      assert.doesNotMatch(String(headers['www-authenticate']), /error=/)
    })

    it('answers 401 with "invalid_token" to keys that are wrong or were never issued', async () => {
      const { key } = await issue()
      const other = `${key.slice(0, -7)}${key.at(-7) === 'A' ? 'B' : 'A'}${key.slice(-6)}`
      for (const wrong of [other, 'nonsense', 'kapikey-nonsense']) {
        const { headers } = await isRefused(get('/orders', bearer(wrong)), 401)
        assert.match(String(headers['www-authenticate']), /error="invalid_token"/)
      }
    })

    it('asks for the permission of a route, however its path is spelt', async () => {
      const reader = await issue({ scopes: ['invoices:read'] })
      const other = await issue({ scopes: ['reports:read'] })
      for (const path of ['/invoices', '/invoices/7', '/invoices?id=7']) {
        assert.equal((await get(path, bearer(reader.key))).status, 200)
        const { headers } = await isRefused(get(path, bearer(other.key)), 403)
        assert.match(String(headers['www-authenticate']), /error="insufficient_scope"/)
      }
      assert.equal((await get('/orders', bearer(other.key))).status, 200)
      for (const path of [
        '//invoices',
        '/x/../invoices',
        '/%69nvoices',
        '/./invoices/7',
        '/x/%2e%2e/invoices',
      ]) {
        const before = received.length
        const { status } = await get(path, bearer(other.key))
        const reached = received.slice(before).map((request) => request.path)
        assert.ok(
          status >= 400 || !reached.some(meansInvoices),
          `${path} answered ${status} and reached the application as ${reached}`,
        )
      }
    })

    it('does not believe clients who say who they are, where they come from, or what is to be checked', async () => {
      const { key, id } = await issue({ scopes: ['reports:read'] })
      const lies = {
        'x-latchkey-owner': 'admin',
        'x-latchkey-key-id': 'root',
        'x-latchkey-scopes': '*',
        'x-latchkey-credits': '1000',
      }
      assert.equal((await get('/orders', { headers: { ...bearer(key).headers, ...lies } })).status, 200)
      const seen = received.at(-1)?.headers
      assert.deepEqual([seen?.['x-latchkey-owner'], seen?.['x-latchkey-key-id']], ['melis', id])
      assert.equal(seen?.['x-latchkey-scopes'], 'reports:read')
      assert.equal(seen?.['x-latchkey-credits'], 'unlimited')
      const permission = { 'x-required-permissions': 'reports:read' }
      await isRefused(get('/invoices', { headers: { ...bearer(key).headers, ...permission } }), 403)
      await isRefused(get('/invoices?permissions=reports:read', bearer(key)), 403)

      const elsewhere = await issue({ addresses: ['203.0.113.0/24'] })
      const here = await issue({ addresses: [CLIENT_ADDRESS] })
      const forwarded = { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9' }
      await isRefused(get('/orders', { headers: { ...bearer(elsewhere.key).headers, ...forwarded } }), 403)
      assert.equal((await get('/orders', bearer(here.key))).status, 200)
    })

    it('does not believe clients who say which certificate they showed', async () => {
      const certificate = Buffer.from('not shown')
      const thumbprint = createHash('sha256').update(certificate).digest('base64url')
      const { key } = await issue({ cnf: { 'x5t#S256': thumbprint } })
      const lie = { 'client-cert': `:${certificate.toString('base64')}:` }
      await isRefused(get('/orders', { headers: { ...bearer(key).headers, ...lie } }), 403)
    })

    it('lets everybody into what is open, without a name and without the secret', async () => {
      const { key } = await issue()
      assert.equal((await get('/health')).status, 200)
      const lies = { 'x-latchkey-owner': 'admin', authorization: `Bearer ${key}` }
      assert.equal((await get('/health', { headers: lies })).status, 200)
      assert.equal(received.at(-1)?.headers['x-latchkey-owner'], undefined)
      assert.doesNotMatch(String(received.at(-1)?.head), new RegExp(key))
    })

    const passesNoProofs = proxy.passesProofs !== true && 'its example does not pass proofs on'
    it('lets a key through that is bound to a key pair, with a proof for this very request', {
      skip: passesNoProofs,
    }, async () => {
      const client = createDpopClient()
      const { key } = await issue({ cnf: { jkt: client.jkt } })
      const proven = (claims: Readonly<Record<string, unknown>>): Sent => {
        const { proof } = client.prove(key, Date.now(), {
          claims: { htu: `${running.url}/orders`, ...claims },
        })
        return { headers: { authorization: `DPoP ${key}`, dpop: proof } }
      }
      const good = proven({})
      const lies = {
        'x-forwarded-method': 'PUT',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'elsewhere.example.com',
        'x-forwarded-uri': '/elsewhere',
        'client-cert': ':eA==:',
      }
      const headers = { ...lies, ...good.headers }
      assert.equal((await get('/orders?page=2', { headers })).status, 200, running.output())
      assert.doesNotMatch(String(received.at(-1)?.head), new RegExp(key))
      assert.equal((await get('/orders', { ...proven({ htm: 'POST' }), method: 'POST' })).status, 200)
      for (const sent of [
        good,
        bearer(key),
        proven({ htm: 'PUT' }),
        proven({ htu: `${running.url}/elsewhere` }),
      ]) {
        const answer = await isRefused(get('/orders', sent), 401)
        assert.match(String(answer.headers['www-authenticate']), /^DPoP algs=.*error="invalid_dpop_proof"/)
      }
      const elsewhere = proven({ htm: 'PUT', htu: 'https://elsewhere.example.com/elsewhere' })
      await isRefused(get('/orders', { headers: { ...lies, ...elsewhere.headers } }), 401)
    })

    it('refuses a key from the request after its revocation', async () => {
      const { key, id } = await issue()
      assert.equal((await get('/orders', bearer(key))).status, 200)
      const revoked = await ask(server, 'POST', `/v1/keys/${id}/revoke`, { token: session, body: {} })
      assert.equal(revoked.status, 200)
      await isRefused(get('/orders', bearer(key)), 401)
    })

    it('answers 429 and when to come back to a key that was used up to its limit', async () => {
      const { key } = await issue({ limits: [{ name: 'hourly', limit: 2, window: 3_600_000 }] })
      assert.equal((await get('/orders', bearer(key))).status, 200)
      assert.equal((await get('/orders', bearer(key))).status, 200)
      const { headers } = await isRefused(get('/orders', bearer(key)), 429)
      const seconds = Number(headers['retry-after'])
      assert.ok(seconds > 0 && seconds <= 3_600, `Retry-After: ${headers['retry-after']}`)
    })

    it('lets nobody through while Latchkey does not answer', async () => {
      const { key } = await issue()
      assert.equal((await get('/orders', bearer(key))).status, 200)
      await server.stop('SIGKILL')
      const before = received.length
      const { status } = await get('/orders', bearer(key))
      assert.ok(status >= 500, String(status))
      assert.equal(received.length, before)
      assert.equal((await get('/health')).status, 200)
    })
  })
}

/** Whether an application that decodes and resolves paths would serve its invoices for it. */
function meansInvoices(path: string): boolean {
  const { pathname } = new URL(path.replaceAll(/\/{2,}/g, '/'), 'http://app')
  return /^\/invoices(\/|$)/.test(decodeURIComponent(pathname))
}

/** An administrator's session, and a user `melis` who may do everything that keys are asked for. */
async function startOwner(server: RunningServer): Promise<string> {
  const credentials = { username: 'admin', password: PASSWORD }
  const first = await ask(server, 'POST', '/v1/first-admin', { body: credentials })
  assert.equal(first.status, 201, JSON.stringify(first.body))
  const login = await ask(server, 'POST', '/v1/login', { body: credentials })
  const token: string = login.body.token
  const role = await ask(server, 'PUT', '/v1/roles/accountant', {
    token,
    body: { permissions: ['invoices:*', 'reports:*'] },
  })
  assert.equal(role.status, 201, JSON.stringify(role.body))
  const owner = await ask(server, 'PUT', '/v1/owners/melis', { token, body: { roles: ['accountant'] } })
  assert.equal(owner.status, 201, JSON.stringify(owner.body))
  return token
}

function startApp(received: Received[]): Promise<Server> {
  const app = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      received.push({
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        head: `${incoming.url}\n${incoming.rawHeaders.join('\n')}`,
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      })
      response.end('hello from the application')
    })
  })
  return new Promise((resolve) => app.listen(0, '127.0.0.1', () => resolve(app)))
}

function portOf(server: Server): number {
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** Sends a request whose path stays as it is written. */
function send(url: string, path: string, { method = 'GET', headers = {}, body }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, path, method, headers: { ...headers }, agent: false, localAddress: CLIENT_ADDRESS },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
