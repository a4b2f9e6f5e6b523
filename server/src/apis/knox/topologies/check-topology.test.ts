import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkTopology } from './check-topology.ts'
import type { RawProvider, RawService } from './raw-topology.ts'
import { TopologyProblem } from './topology-problem.ts'

const provider = (role: string, name: string, more: Partial<RawProvider> = {}): RawProvider => ({
  role,
  name,
  enabled: true,
  params: new Map(),
  ...more,
})
const service = (role: string, more: Partial<RawService> = {}): RawService => ({
  role,
  urls: [],
  params: new Map(),
  ...more,
})

const alias = (name: string) => `$\{ALIAS=${name}}`

const SHIRO = provider('authentication', 'ShiroProvider')

function check(providers: readonly RawProvider[], services: readonly RawService[] = []) {
  return checkTopology(
    { providers, services, applications: ['ui'], ignored: ['<x>'] },
    { name: 't', file: 't.xml' },
    { proxiedRoles: ['OPENAI'], aliasValue: (name) => (name === 'known' ? 's3cret' : undefined) },
  )
}

function problemOf(providers: readonly RawProvider[], services: readonly RawService[] = []): string {
  try {
    check(providers, services)
  } catch (error) {
    assert.ok(error instanceof TopologyProblem)
    return error.message
  }
  return assert.fail('it was accepted')
}

describe('a topology', () => {
  it('gets the identity assertion of Knox when it names none', () => {
    const { topology } = check([SHIRO])
    assert.deepEqual(
      topology.providers.map(({ role, name }) => [role, name]),
      [
        ['authentication', 'ShiroProvider'],
        ['identity-assertion', 'Default'],
      ],
    )
  })

  it('offers what is known, and warns of what is not', () => {
    const { topology, warnings } = check(
      [SHIRO, provider('hostmap', 'static')],
      [
        service('APIKEY'),
        service('WEBHDFS', { urls: ['http://a'] }),
        service('OPENAI', { urls: ['http://b'] }),
      ],
    )
    assert.deepEqual(
      topology.services.map(({ role }) => role),
      ['APIKEY', 'OPENAI'],
    )
    assert.deepEqual(warnings, [
      't.xml: ignored <x>',
      't.xml: ignored application "ui"',
      't.xml: ignored provider "static" of role "hostmap"',
      't.xml: service "WEBHDFS" is not offered here, and not in the setting `knox.proxiedRoles`',
    ])
    assert.match(
      check([SHIRO], [service('OPENAI')]).warnings.at(-1) ?? '',
      /has no <url> to pass requests to$/,
    )
  })

  it('names role and name of a provider that is not offered, as Knox does, and those that are', () => {
    assert.equal(
      problemOf([provider('authentication', 'Kerberos')]),
      't.xml: Failed to contribute provider. Role: authentication Name: Kerberos. Supported names: ShiroProvider, Anonymous, RemoteAuthProvider',
    )
    assert.match(
      problemOf([SHIRO, provider('magic', 'X')]),
      /Role: magic Name: X\. Supported roles: webappsec, /,
    )
    // What is switched off need not be known.
    check([SHIRO, provider('magic', 'X', { enabled: false })])
  })

  it('is refused unless exactly one provider tells who asks', () => {
    assert.match(problemOf([]), /no provider of role "authentication" or "federation"/)
    assert.match(
      problemOf([{ ...SHIRO, enabled: false }]),
      /"ShiroProvider" .* is disabled, and there is no other/,
    )
    assert.match(
      problemOf([SHIRO, provider('federation', 'JWTProvider')]),
      /both authentication "ShiroProvider" and/,
    )
    check([{ ...SHIRO, enabled: false }, provider('federation', 'JWTProvider')])
  })

  it('is refused when two providers of one role are enabled: Knox takes either', () => {
    const two = [SHIRO, provider('authorization', 'AclsAuthz'), provider('authorization', 'AclsAuthz')]
    assert.match(problemOf(two), /role "authorization" has 2 enabled providers/)
    assert.match(problemOf([SHIRO, provider('authentication', 'Anonymous')]), /role "authentication" has 2/)
  })

  it('is refused when keys would not be managed: Knox then answers 403 for ever', () => {
    const params = new Map([['apikey.knox.token.exp.server-managed', 'false']])
    assert.match(
      problemOf([SHIRO], [service('APIKEY', { params })]),
      /service "APIKEY": parameter "apikey.knox.token.exp.server-managed" must be true/,
    )
    // Without the prefix it is a neighbour's, and none of the keys' business.
    check([SHIRO], [service('KNOXTOKEN', { params: new Map([['knox.token.exp.server-managed', 'false']]) })])
  })

  it('is refused when a service is there twice', () => {
    assert.match(
      problemOf([SHIRO], [service('APIKEY'), service('APIKEY')]),
      /service "APIKEY" is there twice/,
    )
  })

  it('has its aliases filled in, and is refused without them', () => {
    const shiro = (value: string) => ({ ...SHIRO, params: new Map([['main.x', value]]) })
    const { topology } = check([shiro(`a ${alias('known')} b`)])
    assert.equal(topology.providers[0]?.params.get('main.x'), 'a s3cret b')
    assert.equal(
      problemOf([shiro(alias('other'))]),
      't.xml: parameter "main.x" uses the alias "other", which is not set',
    )
  })
})
