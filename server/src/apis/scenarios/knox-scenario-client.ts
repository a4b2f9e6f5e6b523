import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { askServer, objectOf, type ServerAnswer, textOf } from './ask-server.ts'
import type { Outcome, ScenarioClient } from './scenario-client.ts'
import { SCENARIO_PASSWORD } from './scenario-knox.ts'

const NO_SUCH_RESOURCE = 'Knox has no resource for it'

/** Speaks the language of Knox's token service: keys by passwords, and what they open by an authorizer for proxies. */
export function createKnoxScenarioClient(url: string): ScenarioClient {
  const keys = `${url}/gateway/issue/apikey/api/v1/auth/key`

  /** Knox knows no sessions: who asks shows a name and password. */
  const ask = async (
    as: string,
    method: string,
    below: string,
    body?: string,
  ): Promise<ServerAnswer | undefined> => {
    const me = await askServer(`${url}/_me`, 'GET', { as })
    if (me.status !== 200) return undefined
    const name = textOf(objectOf(me.json, 'result'), '_id')
    return askTopology(keys + below, method, {
      authorization: `Basic ${Buffer.from(`${name}:${SCENARIO_PASSWORD}`).toString('base64')}`,
      ...(body !== undefined && { body }),
    })
  }
  const change = async <T>(as: string, method: string, resource: string, id: string, result: T) =>
    outcomeOf(await ask(as, method, `/${resource}`, id), () => result)
  const pre = (token: string) =>
    askTopology(`${url}/gateway/check/auth/api/v1/pre`, 'GET', { authorization: `Bearer ${token}` })

  return {
    language: 'Knox',
    choosesIds: 'Knox chooses ids itself',
    tellsUnknownFromForbidden: true,
    async issue(as, { owner, description, ttlMs }) {
      const query = new URLSearchParams({
        doAs: owner,
        comment: description,
        ...(ttlMs !== undefined && { lifespan: `PT${ttlMs / 1_000}S` }),
      })
      return outcomeOf(await ask(as, 'POST', `?${query}`), (json) => ({
        id: textOf(json, 'key_id'),
        token: textOf(json, 'api_key'),
      }))
    },
    isGood: async (_as, token) => (await pre(token)).status === 200,
    async whoIs(token) {
      const answer = await pre(token)
      return outcomeOf(answer, () => answer.actor)
    },
    async search(as, owner, word) {
      const answer = await ask(as, 'GET', `/getUserTokens?${new URLSearchParams({ userName: owner })}`)
      return outcomeOf(answer, ({ tokens }) => {
        if (!Array.isArray(tokens)) throw new Error('"tokens" is no list')
        return tokens
          .filter(isJsonObject)
          .filter((token) => String(objectOf(token, 'metadata')['comment']).includes(word))
          .map((token) => textOf(token, 'tokenId'))
          .sort()
      })
    },
    revoke: (as, _owner, id) => change(as, 'DELETE', 'revoke', id, 'revoked'),
    disable: (as, id) => change(as, 'PUT', 'disable', id, 'disabled'),
    enable: (as, id) => change(as, 'PUT', 'enable', id, 'enabled'),
    restore: NO_SUCH_RESOURCE,
    rotate: NO_SUCH_RESOURCE,
  }
}

async function askTopology(
  url: string,
  method: string,
  { authorization, body }: { readonly authorization: string; readonly body?: string },
): Promise<ServerAnswer & { readonly actor: string }> {
  const response = await fetch(url, {
    method,
    headers: { authorization },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  const json: unknown = text === '' ? {} : JSON.parse(text)
  if (!isJsonObject(json)) throw new Error(`${method} ${url} answered no object`)
  return { status: response.status, json, actor: response.headers.get('x-knox-actor-id') ?? '' }
}

function outcomeOf<T>(answer: ServerAnswer | undefined, read: (json: JsonObject) => T): Outcome<T> {
  if (answer === undefined) return { refused: 401 }
  return answer.status < 300 ? { done: read(answer.json) } : { refused: answer.status }
}
