import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serviceParams } from './service-params.ts'
import type { Topology } from './topology.ts'

function topologyOf(services: Readonly<Record<string, Readonly<Record<string, string>>>>): Topology {
  return {
    name: 't',
    file: 't.xml',
    providers: [],
    services: Object.entries(services).map(([role, params]) => ({
      role,
      urls: [],
      params: new Map(Object.entries(params)),
    })),
  }
}

describe('the parameters of a service', () => {
  it('are those with its prefix first, whichever service carries them', () => {
    const topology = topologyOf({
      KNOXTOKEN: { 'apikey.knox.token.limit.per.user': '1', 'knox.token.limit.per.user': '2' },
      APIKEY: { 'knox.token.limit.per.user': '3' },
    })
    const apikey = serviceParams(topology, 'APIKEY', 'apikey')
    assert.equal(apikey.get('knox.token.limit.per.user'), '1')
    assert.equal(
      apikey.sourceOf('knox.token.limit.per.user'),
      '"apikey.knox.token.limit.per.user" of service "KNOXTOKEN"',
    )
    assert.equal(serviceParams(topology, 'KNOXTOKEN', undefined).get('knox.token.limit.per.user'), '2')
  })

  it('are those of its neighbours when it has none itself', () => {
    const topology = topologyOf({ KNOXTOKEN: { 'knox.token.renewer.whitelist': 'admin' }, APIKEY: {} })
    const apikey = serviceParams(topology, 'APIKEY', 'apikey')
    assert.equal(apikey.get('knox.token.renewer.whitelist'), 'admin')
    assert.equal(apikey.get('knox.token.other'), undefined)
    assert.equal(apikey.sourceOf('knox.token.other'), undefined)
  })

  it('never take the time to live of a neighbour, nor that tokens are not managed: Knox then issues no key at all', () => {
    const topology = topologyOf({
      KNOXTOKEN: { 'knox.token.ttl': '5', 'knox.token.exp.server-managed': 'false' },
      APIKEY: {},
    })
    const apikey = serviceParams(topology, 'APIKEY', 'apikey')
    assert.equal(apikey.get('knox.token.ttl'), undefined)
    assert.equal(apikey.get('knox.token.exp.server-managed'), undefined)
    assert.equal(serviceParams(topology, 'KNOXTOKEN', undefined).get('knox.token.ttl'), '5')
  })
})
