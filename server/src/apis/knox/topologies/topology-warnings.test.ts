import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Params, TopologyService } from '../topology.ts'
import { topologyNotes, topologyWarnings } from './topology-warnings.ts'

const paramsOf = (params: Readonly<Record<string, string>>): Params => new Map(Object.entries(params))

const service = (role: string, params: Readonly<Record<string, string>> = {}): TopologyService => ({
  role,
  urls: [],
  params: paramsOf(params),
})

const warningsOf = (services: readonly TopologyService[], certificatesCount = false) =>
  topologyWarnings({ name: 't', file: 't.xml', providers: [], services }, certificatesCount)

describe('a topology is accepted, and whoever wrote it is told', () => {
  it('of parameters that have no effect on keys, and of those that are misspelt', () => {
    const params = {
      'apikey.knox.token.ttl': '1000',
      'apikey.knox.token.audiences': 'a',
      'apikey.knox.token.tttl': '5',
    }
    assert.deepEqual(warningsOf([service('APIKEY', params)]), [
      't.xml: service "APIKEY": parameter "apikey.knox.token.audiences" has no effect: keys are no JSON Web Tokens',
      't.xml: service "APIKEY": parameter "apikey.knox.token.tttl" is not known, and has no effect',
    ])
  })

  it("of a neighbour's parameters that count, and not of its time to live, which does not", () => {
    const neighbour = service('KNOXTOKEN', {
      'knox.token.ttl': '1',
      'knox.token.limit.per.user': '2',
      'knox.token.exp.server-managed': 'false',
    })
    const notesOf = (services: readonly TopologyService[]) =>
      topologyNotes({ name: 't', file: 't.xml', providers: [], services })
    assert.deepEqual(notesOf([neighbour, service('APIKEY')]), [
      't.xml: service "APIKEY" uses parameter "knox.token.limit.per.user" of service "KNOXTOKEN"',
    ])
    const own = service('APIKEY', { 'apikey.knox.token.limit.per.user': '3' })
    assert.deepEqual(notesOf([neighbour, own]), [])
    // All of that is in effect, so nobody is warned.
    assert.deepEqual(warningsOf([neighbour, service('APIKEY')]), [])
  })

  it('that nothing is issued to clients whose certificates nobody sees', () => {
    const [warning = ''] = warningsOf([service('KNOXTOKEN', { 'knox.token.client.cert.required': 'true' })])
    assert.match(warning, /service "KNOXTOKEN" issues nothing.*http\.tls\.clientCertificates is off/)
    const required = { 'knox.token.client.cert.required': 'true' }
    const [nobody = ''] = warningsOf([service('KNOXTOKEN', required)], true)
    assert.match(nobody, /"knox\.token\.allowed\.principals" names nobody/)
    const named = { ...required, 'knox.token.allowed.principals': 'CN=ada' }
    assert.deepEqual(warningsOf([service('KNOXTOKEN', named)], true), [])
  })
})
