import { askServer, outcomeOf, textOf, textsOf } from './ask-server.ts'
import type { ScenarioClient } from './scenario-client.ts'

/** Speaks Latchkey's own API. */
export function createNativeScenarioClient(url: string): ScenarioClient {
  const keyAt = (id: string): string => `${url}/v1/keys/${encodeURIComponent(id)}`
  return {
    language: 'native',
    choosesIds: true,
    tellsUnknownFromForbidden: false,
    async issue(as, { owner, description, id, ttlMs: ttl }) {
      const body = { owner, description, ...(id !== undefined && { id }), ...(ttl !== undefined && { ttl }) }
      const answer = await askServer(`${url}/v1/keys`, 'POST', { as, body })
      return outcomeOf(answer, (json) => ({ id: textOf(json, 'id'), token: textOf(json, 'key') }))
    },
    async isGood(as, key) {
      const { json } = await askServer(`${url}/v1/verify`, 'POST', { as, body: { key } })
      return json['valid'] === true
    },
    async whoIs(token) {
      const answer = await askServer(`${url}/v1/whoami`, 'GET', { as: token })
      return outcomeOf(answer, (json) => textOf(json, 'owner'))
    },
    async search(as, owner, word) {
      const body = { owner, query: { match: { description: word } } }
      const answer = await askServer(`${url}/v1/keys/search`, 'POST', { as, body })
      return outcomeOf(answer, (json) => [...textsOf(json, 'keys', 'id')].sort())
    },
    async revoke(as, _owner, id) {
      return outcomeOf(await askServer(keyAt(id), 'DELETE', { as }), () => 'revoked')
    },
    disable: async (as, id) =>
      outcomeOf(await askServer(`${keyAt(id)}/disable`, 'POST', { as }), () => 'disabled'),
    enable: async (as, id) =>
      outcomeOf(await askServer(`${keyAt(id)}/enable`, 'POST', { as }), () => 'enabled'),
    restore: async (as, id) =>
      outcomeOf(await askServer(`${keyAt(id)}/restore`, 'POST', { as }), () => 'restored'),
    rotate: async (as, id, graceMs) =>
      outcomeOf(await askServer(`${keyAt(id)}/rotate`, 'POST', { as, body: { graceMs } }), (json) => ({
        id: textOf(json, 'id'),
        token: textOf(json, 'key'),
      })),
  }
}
