import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serviceParams } from '../service-params.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { TopologyService } from '../topology.ts'
import { type TokenKind, tokenSettingsOf } from './token-settings.ts'

const PREFIXES: Readonly<Record<TokenKind, string | undefined>> = {
  APIKEY: 'apikey',
  CLIENTID: 'clientid',
  KNOXTOKEN: undefined,
}

function settingsOf(kind: TokenKind, params: Readonly<Record<string, string>> = {}) {
  const service: TopologyService = { role: kind, urls: [], params: new Map(Object.entries(params)) }
  const topology = { name: 't', file: 't.xml', providers: [], services: [service] }
  const where = `t: service "${kind}"`
  return tokenSettingsOf(kind, serviceParams(topology, kind, PREFIXES[kind]), { where, perUserMax: 10 })
}

describe('the settings of a token service', () => {
  it('are those of Knox when nothing is said: keys never expire, JSON Web Tokens after 30 seconds', () => {
    const { ttlMs, perUserMax, whenExceeded, renewIntervalMs, maxLifetimeMs } = settingsOf('APIKEY')
    assert.deepEqual(
      [ttlMs, perUserMax, whenExceeded, renewIntervalMs, maxLifetimeMs],
      [undefined, 10, 'refuse', 86_400_000, 604_800_000],
    )
    assert.equal(settingsOf('CLIENTID').ttlMs, undefined)
    const { ttlMs: jwtLifeMs, algorithm, tokenType, issuer, isDelegated } = settingsOf('KNOXTOKEN')
    assert.deepEqual(
      [jwtLifeMs, algorithm, tokenType, issuer, isDelegated],
      [30_000, 'RS256', 'JWT', 'KNOXSSO', false],
    )
  })

  it('read every parameter, lists without the blanks in them', () => {
    const params = {
      'knox.token.ttl': '60000',
      'knox.token.limit.per.user': '-1',
      'knox.token.user.limit.exceeded.action': 'REMOVE_OLDEST',
      'knox.token.exp.renew-interval': '5',
      'knox.token.exp.max-lifetime': '-1',
      'knox.token.renewer.whitelist': 'larry, moe,  curly, shemp',
      'knox.token.renewer.group.whitelist': 'ops',
      'knox.token.audiences': ' a , b ',
      'knox.token.sigalg': 'EdDSA',
      'knox.token.client.data': 'a=b=c, d ,,e=',
      'knox.token.include.groups.allowed': 'false',
      'knox.token.client.cert.required': 'true',
      'knox.token.allowed.principals': 'CN=ada, O = A; cn=bob',
    }
    const settings = settingsOf('KNOXTOKEN', params)
    assert.equal(settings.ttlMs, 60_000)
    assert.equal(settings.perUserMax, undefined)
    assert.equal(settings.whenExceeded, 'remove_oldest')
    assert.deepEqual([settings.renewIntervalMs, settings.maxLifetimeMs], [5, undefined])
    assert.deepEqual(settings.renewers, ['larry', 'moe', 'curly', 'shemp'])
    assert.deepEqual(settings.audiences, ['a', 'b'])
    assert.equal(settings.algorithm, 'EdDSA')
    assert.deepEqual(settings.clientData, [
      ['a', 'b=c'],
      ['d', ''],
      ['e', ''],
    ])
    assert.deepEqual([settings.groupsAllowed, settings.clientNames], [false, ['CN=ada,O=A', 'CN=bob']])
    assert.deepEqual(settingsOf('KNOXTOKEN', { 'knox.token.client.data': '' }).clientData, [])
  })

  it('say whose credentials an application has: its own unless told, and for text that is neither true nor false', () => {
    const isApp = (text?: string) =>
      settingsOf('CLIENTID', text === undefined ? {} : { 'clientid.thirdPartyApp': text }).isThirdPartyApp
    assert.deepEqual([isApp(), isApp('TRUE'), isApp('false'), isApp('maybe')], [true, true, false, false])
  })

  it('take HMAC when there is a secret that is long enough for it, as Knox does (testInvalidHmacSecretThrowsException)', () => {
    const algorithmWith = (
      hmacSecretBytes: number | undefined,
      params: Readonly<Record<string, string>> = {},
    ) => {
      const topology = { name: 't', file: 't.xml', providers: [], services: [] }
      const services = [{ role: 'KNOXTOKEN', urls: [], params: new Map(Object.entries(params)) }]
      const found = serviceParams({ ...topology, services }, 'KNOXTOKEN', undefined)
      return tokenSettingsOf('KNOXTOKEN', found, { where: 't', perUserMax: 1, hmacSecretBytes }).algorithm
    }
    assert.deepEqual([algorithmWith(undefined), algorithmWith(32)], ['RS256', 'HS256'])
    for (const [name, bytes] of [
      ['HS256', 32],
      ['HS384', 48],
      ['HS512', 64],
    ] as const) {
      assert.equal(algorithmWith(bytes, { 'knox.token.sigalg': name }), name)
      for (const tooFew of [bytes - 1, undefined]) {
        assert.throws(() => algorithmWith(tooFew, { 'knox.token.sigalg': name }), TopologyProblem)
      }
    }
    assert.equal(algorithmWith(64, { 'knox.token.sigalg': 'RS512' }), 'RS512')
  })

  it('are refused at start, by file, service and parameter, where Knox would take something else', () => {
    const wrong: readonly [name: string, value: string][] = [
      ['ttl', 'abc'],
      ['ttl', ''],
      ['ttl', '-2'],
      ['ttl', '-60000'],
      ['ttl', '0'],
      ['ttl', '9223372036854775807'],
      ['limit.per.user', '0'],
      ['limit.per.user', '-2'],
      ['limit.per.user', 'ten'],
      ['exp.renew-interval', '0'],
      ['exp.max-lifetime', 'x'],
      ['user.limit.exceeded.action', 'REMOVE_ALL'],
      ['sigalg', 'toString'],
    ]
    for (const [name, value] of wrong) {
      assert.throws(
        () => settingsOf('APIKEY', { [`apikey.knox.token.${name}`]: value }),
        (error) => {
          assert.ok(error instanceof TopologyProblem)
          const start = `t: service "APIKEY": parameter "apikey.knox.token.${name}" of service "APIKEY" is "${value}", and must be`
          assert.ok(error.message.startsWith(start), error.message)
          return true
        },
      )
    }
  })
})
