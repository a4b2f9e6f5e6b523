import assert from 'node:assert/strict'
import { after, type TestContext } from 'node:test'
import type { CoreSettings } from '../../../core/core-settings.ts'
import type { KuzzleSettings } from '../server-facts.ts'
import { openTestApi, type TestAnswer, type TestApi, type TestSocket } from './test-api.ts'

/** What an administrator's client does in a test file of its own server. */
export type SecurityClient = {
  readonly api: TestApi
  /** The administrator `root`. */
  readonly token: string
  readonly socket: TestSocket
  /** Runs `security:<action>` (or `controller:action`) over WebSocket as the administrator; answers the envelope. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  act(action: string, args?: object): Promise<any>
  /** The same, which must succeed; answers the result. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  done(action: string, args?: object): Promise<any>
  /** The same, which must be refused like this; without `id`: an error that has none. */
  refused(
    action: string,
    args: object,
    error: { status: number; id?: string; message?: string },
  ): Promise<void>
  /** Calls over HTTP as the administrator. */
  ask(method: string, path: string, body?: unknown): Promise<TestAnswer>
}

/** Opens a server for all tests of a file; it ends after the last. */
export async function openSecurityClient(
  settings: Partial<KuzzleSettings> = {},
  core: Partial<CoreSettings> = {},
): Promise<SecurityClient> {
  const api = await openTestApi({ after: after as TestContext['after'] }, settings, core)
  const token = await api.login('root')
  const socket = await api.socket()

  const act = (action: string, args: object = {}) => {
    const [controller, name] = action.includes(':') ? action.split(':') : ['security', action]
    return socket.ask({ controller, action: name, jwt: token, ...args })
  }
  return {
    api,
    token,
    socket,
    act,
    async done(action, args) {
      const answer = await act(action, args)
      assert.deepEqual(
        answer.error,
        null,
        `${action}: ${JSON.stringify(answer.error)} ${api.logged.join('\n')}`,
      )
      assert.equal(answer.status, 200)
      return answer.result
    },
    async refused(action, args, { status, id, message }) {
      const { error, ...answer } = await act(action, args)
      assert.notEqual(error, null, `${action} ${JSON.stringify(args)} was not refused`)
      assert.equal(error.id, id, JSON.stringify(error))
      assert.equal(error.status, status)
      assert.equal(answer.status, status)
      assert.equal(answer.result, null)
      if (message !== undefined) assert.equal(error.message, message)
    },
    ask: (method, path, body) => api.ask(method, path, { token, ...(body === undefined ? {} : { body }) }),
  }
}
