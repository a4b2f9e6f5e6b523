import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import mqtt from 'mqtt'
import { createCertificate } from '../server/src/apis/knox/proxy/testing/self-signed.ts'
import { createDpopClient } from '../server/src/core/contract/dpop-client.ts'
import { askNative, createNativeAdmin, type NativeAnswer, type NativeOptions } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const certificate = new X509Certificate(createCertificate({ CN: 'ada' }).cert).raw
const THUMBPRINT = createHash('sha256').update(certificate).digest('base64url')
const client = createDpopClient()

describe('keys that are bound to what their client holds', () => {
  let server: RunningServer
  let admin: string

  before(async () => {
    server = await startServer({
      environment: {
        LATCHKEY_HTTP_TLS_CLIENT_CERTIFICATES: 'optional',
        LATCHKEY_SERVER_PROTOCOLS_MQTT_ENABLED: 'true',
        LATCHKEY_SERVER_PROTOCOLS_MQTT_PORT: '0',
      },
    })
    admin = await createNativeAdmin(server)
  })
  after(async () => {
    await server.stop()
    server.discard()
  })

  const ask = (
    method: string,
    path: string,
    body?: unknown,
    more: NativeOptions = {},
  ): Promise<NativeAnswer> => askNative(server, method, path, { token: admin, body, ...more })

  async function issue(cnf: Readonly<Record<string, string>>): Promise<NativeAnswer['body']> {
    const { status, body } = await ask('POST', '/v1/keys', { cnf })
    assert.equal(status, 201)
    assert.deepEqual(body.cnf, cnf)
    return body
  }

  it('are told of wherever keys are shown, and bound anew by who may', async () => {
    const cnf = { 'x5t#S256': THUMBPRINT }
    const { id } = await issue(cnf)
    assert.deepEqual((await ask('GET', `/v1/keys/${id}`)).body.cnf, cnf)
    const listed = (await ask('GET', '/v1/keys')).body.keys.find((key: { id: string }) => key.id === id)
    assert.deepEqual(listed.cnf, cnf)
    const changed = await ask('PATCH', `/v1/keys/${id}`, { cnf: { jkt: client.jkt } })
    assert.deepEqual([changed.status, changed.body.cnf], [200, { jkt: client.jkt }])
    const cleared = await ask('PATCH', `/v1/keys/${id}`, { cnf: null })
    assert.deepEqual([cleared.status, 'cnf' in cleared.body], [200, false])
  })

  it('are refused when they are bound to nothing, or to what is no thumbprint', async () => {
    const pointers = async (cnf: unknown) => {
      const { status, body } = await ask('POST', '/v1/keys', { cnf })
      assert.deepEqual([status, body.code], [400, 'request.invalid'])
      return body.errors.map(({ pointer }: { pointer: string }) => pointer)
    }
    assert.deepEqual(await pointers({}), ['/cnf'])
    assert.deepEqual(await pointers({ jkt: 'x' }), ['/cnf/jkt'])
    assert.deepEqual(await pointers({ 'x5t#S256': `${THUMBPRINT}=` }), ['/cnf/x5t#S256'])
    assert.deepEqual(await pointers({ jkt: client.jkt, x5t: THUMBPRINT }), ['/cnf/x5t'])
  })

  it('pass a proxy that shows the certificate of its client', async () => {
    const { key } = await issue({ 'x5t#S256': THUMBPRINT })
    const headers = { 'client-cert': `:${certificate.toString('base64')}:` }
    assert.equal((await ask('GET', '/v1/authorize', undefined, { token: key, headers })).status, 200)
    assert.equal((await ask('GET', '/v1/authorize', undefined, { token: key })).status, 403)
  })

  it('pass a proxy with a proof of DPoP, once', async () => {
    const { key } = await issue({ jkt: client.jkt })
    const { proof } = client.prove(key, Date.now())
    const headers = {
      authorization: `DPoP ${key}`,
      dpop: proof,
      'x-forwarded-method': 'GET',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.example.com',
      'x-forwarded-uri': '/invoices',
    }
    const asked = () => askNative(server, 'GET', '/v1/authorize', { headers })
    assert.equal((await asked()).status, 200)
    const again = await asked()
    assert.equal(again.status, 401)
    assert.match(
      String(again.headers.get('www-authenticate')),
      /^DPoP algs="ES256 .*error="invalid_dpop_proof", Bearer /,
    )
  })

  it('are active for a service that saw the certificate, which is told what they are bound to', async () => {
    const { key } = await issue({ 'x5t#S256': THUMBPRINT })
    const introspect = async (form: Readonly<Record<string, string>>) =>
      (await ask('POST', '/v1/introspect', undefined, { form: { token: key, ...form } })).body
    assert.deepEqual(await introspect({}), { active: false })
    assert.deepEqual(await introspect({ certificate: client.jkt }), { active: false })
    const active = await introspect({ certificate: THUMBPRINT })
    assert.deepEqual([active.active, active.cnf], [true, { 'x5t#S256': THUMBPRINT }])
  })

  it('do nothing where nobody can tell what was shown, and can be ended all the same', async () => {
    for (const cnf of [{ 'x5t#S256': THUMBPRINT }, { jkt: client.jkt }]) {
      const { key } = await issue(cnf)
      const headers = {
        'client-cert': `:${certificate.toString('base64')}:`,
        dpop: client.prove(key, Date.now()).proof,
      }
      const refused = await ask('GET', '/v1/whoami', undefined, { token: key, headers })
      assert.deepEqual([refused.status, refused.body.code], [403, 'token.forbidden'])
      assert.equal((await askMqtt(key)).error.id, 'security.token.invalid')
      assert.equal((await ask('POST', '/v1/revoke', undefined, { form: { token: key } })).status, 200)
      const { body } = await ask('POST', '/v1/verify', { key, certificate: THUMBPRINT })
      assert.equal(body.code, 'REVOKED')
    }
  })

  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  async function askMqtt(jwt: string): Promise<any> {
    const device = await mqtt.connectAsync(`mqtt://${server.host}:${server.mqttPort}`, { reconnectPeriod: 0 })
    try {
      const answer = new Promise<string>((resolve) => {
        device.on('message', (_topic, payload) => resolve(payload.toString()))
      })
      const request = { requestId: '1', controller: 'auth', action: 'getCurrentUser', jwt }
      await device.publishAsync('Kuzzle/request', JSON.stringify(request))
      return JSON.parse(await answer)
    } finally {
      await device.endAsync()
    }
  }
})
