import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as askPlainly } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { createCertificate, type SelfSigned } from '../server/src/apis/knox/proxy/testing/self-signed.ts'
import { basic, KEY, OWN_USERS, service, startKnox, topology, until } from './knox-world.ts'
import { type RunningServer, startServer } from './running-server.ts'

const SERVER = createCertificate({ CN: 'localhost', O: 'first' })
const CLIENTS = createCertificate({ CN: 'Clients', O: 'Example' })
const STRANGERS = createCertificate({ CN: 'Clients', O: 'Example' })
const ADA = createCertificate({ C: 'FR', O: 'Example, Inc.', OU: 'people', CN: 'ada' }, CLIENTS)
const BOB = createCertificate({ C: 'FR', O: 'Example, Inc.', OU: 'people', CN: 'bob' }, CLIENTS)
const FALSE_ADA = createCertificate({ C: 'FR', O: 'Example, Inc.', OU: 'people', CN: 'ada' }, STRANGERS)

const FILES = {
  'issue.xml': topology(
    OWN_USERS,
    service('APIKEY', {
      'apikey.knox.token.client.cert.required': 'true',
      'apikey.knox.token.allowed.principals': 'CN=eve,C=FR; CN=ada, OU=people , O="Example, Inc.", C=FR',
      'apikey.knox.token.limit.per.user': '-1',
    }),
  ),
}

/** As RFC 9440 section 2.1 writes a certificate in a header. */
function inHeader({ cert }: SelfSigned): { readonly 'client-cert': string } {
  return { 'client-cert': `:${new X509Certificate(cert).raw.toString('base64')}:` }
}

const REQUIRED = [403, 'Unable to get token - client cert required.']
const UNTRUSTED = [403, 'Unable to get token - untrusted client cert.']

describe('certificates of clients in front of a topology', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
  let plain: Awaited<ReturnType<typeof startKnox>>
  let server: RunningServer

  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, 'draft'), text)
    renameSync(join(folder, 'draft'), join(folder, name))
  }

  before(async () => {
    write('server.pem', SERVER.cert)
    write('server.key', SERVER.key)
    write('clients.pem', CLIENTS.cert)
    // Users come over the plain server, which believes what a proxy on this host says of certificates.
    plain = await startKnox(FILES, {
      LATCHKEY_HTTP_TRUSTED_PROXIES: '127.0.0.1',
      LATCHKEY_HTTP_TLS_CLIENT_CERTIFICATES: 'optional',
    })
    server = await startServer({
      arguments: ['--knox-topologies', plain.folder],
      dataDir: plain.server.dataDir,
      environment: {
        LATCHKEY_HTTP_TLS_CERTIFICATE_FILE: join(folder, 'server.pem'),
        LATCHKEY_HTTP_TLS_KEY_FILE: join(folder, 'server.key'),
        LATCHKEY_HTTP_TLS_CLIENT_CA_FILE: join(folder, 'clients.pem'),
        LATCHKEY_HTTP_TLS_CLIENT_CERTIFICATES: 'optional',
        LATCHKEY_WORKERS: '2',
      },
    })
  })
  after(async () => {
    await server.stop()
    await plain.close()
    rmSync(folder, { recursive: true, force: true })
  })

  type Asking = {
    readonly headers?: Readonly<Record<string, string>>
    readonly client?: SelfSigned
    readonly body?: string
  }

  /** One request on a connection of its own. */
  function ask(method: string, path: string, { headers = {}, client, body = '' }: Asking = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string; by: string }>()
    const asked = request(
      new URL(path, server.url),
      {
        method,
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        rejectUnauthorized: false,
        agent: false,
        ...(client !== undefined && { cert: client.cert, key: client.key }),
      },
      (answer) => {
        let text = ''
        const by = (answer.socket as TLSSocket).getPeerCertificate().fingerprint256
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text, by }))
      },
    )
    asked.once('error', reject)
    asked.end(body)
    return promise
  }

  async function issue(asking: Asking): Promise<readonly unknown[]> {
    const headers = { ...basic('guest'), ...asking.headers }
    const { status, text } = await ask('POST', `/gateway/issue/${KEY}`, { ...asking, headers })
    const { error = 'issued' } = JSON.parse(text)
    return [status, error]
  }

  test('let issue who shows one of an allowed name, whatever blanks the name has (testValidClientCert)', async () => {
    // Several times, so that each of the threads is asked.
    for (let turn = 0; turn < 6; turn++) assert.deepEqual(await issue({ client: ADA }), [200, 'issued'])
  })

  test('keep others from it (testValidClientCertWrongUser)', async () => {
    assert.deepEqual(await issue({ client: BOB }), UNTRUSTED)
  })

  test('are needed, and nobody can make them (testMissingClientCert)', async () => {
    assert.deepEqual(await issue({}), REQUIRED)
    for (let turn = 0; turn < 6; turn++) {
      await assert.rejects(issue({ client: FALSE_ADA }), { code: 'ECONNRESET' })
      // And it is nobody else's problem.
      assert.deepEqual(await issue({ client: ADA }), [200, 'issued'])
      assert.deepEqual(await issue({}), REQUIRED)
    }
    // The header counts from proxies that are trusted, and nobody is here.
    assert.deepEqual(await issue({ headers: inHeader(ADA) }), REQUIRED)
    assert.deepEqual(await issue({ client: BOB, headers: inHeader(ADA) }), UNTRUSTED)
  })

  test('are believed when a trusted proxy shows them in a header (RFC 9440)', async () => {
    const issued = async (headers: Readonly<Record<string, string>>) => {
      const path = `issue/${KEY}`
      const { status, json } = await plain.ask('POST', path, { headers: { ...basic('guest'), ...headers } })
      return [status, json.error ?? 'issued']
    }
    assert.deepEqual(await issued(inHeader(ADA)), [200, 'issued'])
    assert.deepEqual(await issued(inHeader(BOB)), UNTRUSTED)
    assert.deepEqual(await issued({}), REQUIRED)
    const base64 = inHeader(ADA)['client-cert'].slice(1, -1)
    for (const broken of [base64, `:${base64}`, ':AAAA:', '::', `:${base64}:, :${base64}:`]) {
      assert.deepEqual(await issued({ 'client-cert': broken }), REQUIRED, broken.slice(0, 20))
    }
  })

  test('leave everything else as it is: verification, forward-auth, Kuzzle over WebSocket', async () => {
    const { text } = await ask('POST', `/gateway/issue/${KEY}`, { headers: basic('guest'), client: ADA })
    const token = JSON.parse(text).api_key
    for (let turn = 0; turn < 6; turn++) {
      const authorized = await ask('GET', '/v1/authorize', { headers: { authorization: `Bearer ${token}` } })
      assert.equal(authorized.status, 200)
      const verified = await ask('POST', '/v1/verify', {
        headers: { authorization: `Bearer ${plain.admin}`, 'content-type': 'application/json' },
        body: JSON.stringify({ key: token }),
      })
      assert.equal(JSON.parse(verified.text).valid, true, verified.text)
    }
    const socket = new WebSocket(server.url.replace(/^https/, 'wss'), { rejectUnauthorized: false })
    const answer = await new Promise<{ status: number; requestId: string }>((resolve, reject) => {
      socket.once('error', reject)
      socket.on('message', (message) => resolve(JSON.parse(String(message))))
      socket.once('open', () =>
        socket.send(JSON.stringify({ controller: 'server', action: 'now', requestId: 'over TLS' })),
      )
    })
    socket.terminate()
    assert.deepEqual([answer.status, answer.requestId], [200, 'over TLS'])
  })

  test('come over TLS 1.2 or later and nothing else', async () => {
    const versionOf = (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const socket = connect({
          host: server.host,
          port: server.port,
          rejectUnauthorized: false,
          minVersion: 'TLSv1',
          maxVersion,
          // Old versions are only offered by clients that give up on security.
          ciphers: 'DEFAULT:@SECLEVEL=0',
        })
        socket.once('secureConnect', () => {
          resolve(socket.getProtocol() ?? '')
          socket.destroy()
        })
        socket.once('error', () => resolve('refused'))
      })
    assert.equal(await versionOf('TLSv1.1'), 'refused')
    assert.equal(await versionOf('TLSv1.2'), 'TLSv1.2')
    assert.equal(await versionOf('TLSv1.3'), 'TLSv1.3')
    const plainly = await new Promise<string>((resolve) => {
      const asked = askPlainly({ host: server.host, port: server.port, path: '/livez', agent: false })
      asked.once('response', () => resolve('answered'))
      asked.once('error', () => resolve('refused'))
      asked.end()
    })
    assert.equal(plainly, 'refused')
  })

  test('of the server are replaced while it runs, and stay when the files are broken', async () => {
    const first = new X509Certificate(SERVER.cert).fingerprint256
    const next = createCertificate({ CN: 'localhost', O: 'second' })
    assert.equal((await ask('GET', '/livez')).by, first)
    write('server.key', 'no key')
    await until('the log tells of the broken files', () => server.output().includes('cannot be used'))
    assert.equal((await ask('GET', '/livez')).by, first)
    write('server.key', next.key)
    write('server.pem', next.cert)
    const shown = new X509Certificate(next.cert).fingerprint256
    // Each thread looks for itself.
    let inARow = 0
    await until('every thread shows the new one', async () => {
      inARow = (await ask('GET', '/livez')).by === shown ? inARow + 1 : 0
      return inARow >= 8
    })
    assert.deepEqual(await issue({ client: ADA }), [200, 'issued'])
  })
})

describe('the settings of TLS', () => {
  test('that do not fit together keep the server from starting, and say why', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const certificate = file('server.pem', SERVER.cert)
    const key = file('server.key', SERVER.key)
    const wrong: readonly (readonly [environment: Readonly<Record<string, string>>, says: RegExp])[] = [
      [{ LATCHKEY_HTTP_TLS_CERTIFICATE_FILE: certificate }, /http\.tls\.keyFile is needed/],
      [{ LATCHKEY_HTTP_TLS_KEY_FILE: key }, /http\.tls\.certificateFile is needed/],
      [{ LATCHKEY_HTTP_TLS_CLIENT_CA_FILE: certificate }, /http\.tls\.certificateFile .* needed/],
      [
        {
          LATCHKEY_HTTP_TLS_CERTIFICATE_FILE: certificate,
          LATCHKEY_HTTP_TLS_KEY_FILE: key,
          LATCHKEY_HTTP_TLS_CLIENT_CERTIFICATES: 'optional',
        },
        /http\.tls\.clientCaFile must say/,
      ],
      [
        {
          LATCHKEY_HTTP_TLS_CERTIFICATE_FILE: certificate,
          LATCHKEY_HTTP_TLS_KEY_FILE: file('other.key', ADA.key),
        },
        /Cannot start with the files of http\.tls: .*mismatch/i,
      ],
    ]
    try {
      for (const [environment, says] of wrong) await assert.rejects(startServer({ environment }), says)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
