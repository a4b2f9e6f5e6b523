import { askServer, objectOf, outcomeOf, type ServerAnswer, textOf, textsOf } from './ask-server.ts'
import type { ScenarioClient } from './scenario-client.ts'

const NO_SUCH_ACTION = 'Kuzzle has no action for it'

/** Speaks Kuzzle's API. */
export function createKuzzleScenarioClient(url: string): ScenarioClient {
  const keysOf = (owner: string): string => `${url}/users/${encodeURIComponent(owner)}/api-keys`
  return {
    language: 'Kuzzle',
    choosesIds: true,
    tellsUnknownFromForbidden: false,
    async issue(as, { owner, description, id, ttlMs }) {
      const query = new URLSearchParams({
        ...(id !== undefined && { _id: id }),
        ...(ttlMs !== undefined && { expiresIn: String(ttlMs) }),
      })
      const answer = await askServer(`${keysOf(owner)}/_create?${query}`, 'POST', {
        as,
        body: { description },
      })
      return outcomeOf(answer, ({ result }) => {
        const document = objectOf({ result: result ?? null }, 'result')
        return { id: textOf(document, '_id'), token: textOf(objectOf(document, '_source'), 'token') }
      })
    },
    async isGood(_as, token) {
      const { json } = await askServer(`${url}/_checkToken`, 'POST', { body: { token } })
      return objectOf(json, 'result')['valid'] === true
    },
    async whoIs(token) {
      const answer = await askServer(`${url}/_me`, 'GET', { as: token })
      return outcomeOf(answer, (json) => textOf(objectOf(json, 'result'), '_id'))
    },
    async search(as, owner, word) {
      const body = { match: { description: word } }
      const answer = await askServer(`${keysOf(owner)}/_search?size=100`, 'POST', { as, body })
      return outcomeOf(answer, (json) => [...textsOf(objectOf(json, 'result'), 'hits', '_id')].sort())
    },
    async revoke(as, owner, id) {
      const answer: ServerAnswer = await askServer(`${keysOf(owner)}/${encodeURIComponent(id)}`, 'DELETE', {
        as,
      })
      return outcomeOf(answer, () => 'revoked')
    },
    disable: NO_SUCH_ACTION,
    enable: NO_SUCH_ACTION,
    restore: NO_SUCH_ACTION,
    rotate: NO_SUCH_ACTION,
  }
}
