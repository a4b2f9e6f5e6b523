import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from './knox-request.ts'
import { createPageService } from './page-services.ts'
import { requestFor } from './testing/request-for.ts'

const PARTS = { version: '1.2.3', seeingAll: ['admin'] }
const principal = (effective: string) => ({ name: effective, effective, groups: [], impersonated: false })

describe('what the pages of Knox ask first', () => {
  it('is whether tokens are managed', async () => {
    const service = createPageService('KNOX-METADATA', PARTS)
    assert.equal(service.matches('/api/v1/metadata/info'), true)
    assert.equal(service.matches('/apikey/api/v1/auth/key'), false)
    const { body } = await service.answer(requestFor('GET', '/api/v1/metadata/info'), principal('guest'))
    assert.deepEqual(JSON.parse(String(body)).generalProxyInfo.enableTokenManagement, 'true')
  })

  it('is who is looking, and whether at the tokens of everybody', async () => {
    const service = createPageService('KNOX-SESSION', PARTS)
    for (const [user, canSeeAllTokens] of [
      ['guest', false],
      ['admin', true],
    ] as const) {
      const { body } = await service.answer(requestFor('GET', '/session/api/v1/sessioninfo'), principal(user))
      assert.deepEqual(JSON.parse(String(body)), {
        sessioninfo: { user, canSeeAllTokens, currentKnoxSsoCookieTokenId: null },
      })
    }
  })

  it('is nothing else', () => {
    const service = createPageService('KNOX-METADATA', PARTS)
    const ask = (method: string, path: string) => () =>
      service.answer(requestFor(method, path), principal('guest'))
    assert.throws(ask('GET', '/api/v1/metadata/topologies'), KnoxRefusal)
    assert.throws(ask('POST', '/api/v1/metadata/info'), KnoxRefusal)
  })
})
