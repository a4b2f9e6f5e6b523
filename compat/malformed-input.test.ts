import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { ARGUMENT_CASES, HOSTILE_VALUES, MEMBER_CASES } from './argument-cases.ts'
import { batchOf, bytes, frame, head, headers, path, queryString } from './hostile-input.ts'
import type { Json } from './kuzzle-world.ts'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

/** Cases of each kind; 10,000 in all. */
const CASES = { frames: 4_000, bodies: 2_500, queryStrings: 2_500, heads: 500, sockets: 500 } as const

/** So many requests are sent before their answers are awaited. */
const AT_ONCE = 50

/** Nothing may take so long to be answered. */
const ANSWER_TIMEOUT_MS = 10_000

/** Status 500 is Kuzzle's for these, although the client made the mistake. */
const KUZZLES_OWN_500 = [
  'security.user.no_profile',
  'security.credentials.database_inconsistency',
  'security.cookie.unsupported',
  'security.token.verification_error',
  'plugin.strategy.missing_optional_method',
]

/** These would end the caller's rights or key, or only cost the time of hashing passwords. */
const LEFT_OUT = ['admin:resetSecurity', 'auth:login', 'auth:updateMyCredentials', 'auth:deleteMyCredentials']

describe('a server that is sent nonsense', () => {
  let server: RunningServer
  let key: string
  let actions: readonly (readonly [controller: string, action: string])[]
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })

  before(async () => {
    server = await startServer()
    const admin = await createAdmin(server)
    const created = await ask(server, 'POST', '/api-keys/_create', {
      token: admin,
      body: { description: 'k' },
    })
    key = created.body.result._source.token
    const body = { content: { profileIds: ['default'] } }
    await ask(server, 'POST', '/users/somebody/_create', { token: key, body })
    const { body: api } = await ask(server, 'GET', '/_publicApi')
    actions = Object.entries<object>(api.result)
      .flatMap(([controller, table]) => Object.keys(table).map((name) => [controller, name] as const))
      .filter((names) => !LEFT_OUT.includes(names.join(':')))
  })

  after(async () => {
    // All this was tried by somebody who may do everything, and the server neither fell nor stumbled.
    const me = await ask(server, 'GET', '/_me', { token: key })
    const log = server.output()
    agent.destroy()
    const exitCode = await server.stop()
    server.discard()
    assert.equal(me.body.result?._id, 'admin')
    assert.deepEqual(me.body.result?._source.profileIds, ['admin'])
    assert.doesNotMatch(log, /failed unexpectedly|request failed|message failed| (?:error|fatal) /i)
    assert.equal(exitCode, 0)
  })

  const CARRIERS = {
    websocket: async (requests: readonly object[]): Promise<readonly Json[]> => {
      const socket = await openSocket(server)
      try {
        return await socket.askAll(requests)
      } finally {
        socket.close()
      }
    },
    http: (requests: readonly object[]): Promise<readonly Json[]> =>
      Promise.all(requests.map((request) => post('/_query', JSON.stringify(request)))),
  }

  for (const [carrier, askAll] of Object.entries(CARRIERS)) {
    describe(`over ${carrier}`, () => {
      for (const { name, request, missing, absent = [], wrong, refusal, lenientOverHttp } of ARGUMENT_CASES) {
        it(`reads ${name} or says what is wrong with it`, async () => {
          const without = [undefined, ...absent].map((value) => ({ ...request(value), jwt: key }))
          for (const answer of await askAll(without)) assert.deepEqual(errorOf(answer), missing)
          const bad = wrong.map((value) => ({ ...request(value), jwt: key }))
          const expected = carrier === 'http' && lenientOverHttp ? undefined : refusal
          for (const [position, answer] of (await askAll(bad)).entries()) {
            assert.deepEqual(errorOf(answer), expected, JSON.stringify(wrong[position]))
          }
        })
      }

      it('refuses requests whose own members are of a wrong type, without an id, as Kuzzle does', async () => {
        for (const { name, wrong, type } of MEMBER_CASES) {
          const now = { controller: 'server', action: 'now', jwt: key }
          for (const answer of await askAll(wrong.map((value) => ({ ...now, [name]: value })))) {
            const { status, message, ...rest } = answer.error
            assert.deepEqual([status, message], [400, `Attribute ${name} must be of type ${type}`])
            assert.deepEqual(rest, {})
          }
        }
      })

      it('misses a controller or action that is absent, null or empty', async () => {
        for (const name of ['controller', 'action']) {
          const requests = [undefined, null, ''].map((value) => ({
            controller: 'server',
            action: 'now',
            [name]: value,
          }))
          for (const answer of await askAll(requests)) {
            assert.deepEqual(errorOf(answer), [
              400,
              'api.assert.missing_argument',
              `Missing argument "${name}".`,
            ])
          }
        }
      })

      it('takes a token of any shape for a bad one', async () => {
        for (const jwt of [
          '',
          ' ',
          'kapikey-',
          'kapikey-a.b.c',
          'kauth-..',
          '\u0000',
          'x'.repeat(100_000),
          key + key,
        ]) {
          const [answer] = await askAll([{ controller: 'server', action: 'now', jwt }])
          assert.deepEqual(errorOf(answer), [401, 'security.token.invalid', 'Invalid token.'])
        }
      })

      it('survives every hostile value in every argument', async () => {
        for (const { request } of ARGUMENT_CASES) {
          const requests = HOSTILE_VALUES.map((value) => ({ ...request(value), jwt: key }))
          for (const answer of await askAll(requests)) checkAnswer(answer)
        }
      })
    })
  }

  it('answers every frame that names its request, whatever else is in it', async () => {
    const socket = await openSocket(server)
    await fc.assert(
      fc.asyncProperty(batchOf(frame(actions, key), AT_ONCE), async (frames) => {
        for (const answer of await socket.askAll(frames)) checkAnswer(answer)
      }),
      { numRuns: CASES.frames / AT_ONCE },
    )
    socket.close()
  })

  it('answers every body, whatever its encoding, type and bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        batchOf(fc.record({ bytes: bytes(), headers: headers(), path: path() }), AT_ONCE),
        async (batch) => {
          const answers = batch.map(({ bytes, headers, path }) => post(path, bytes, headers))
          for (const answer of await Promise.all(answers)) checkAnswer(answer)
        },
      ),
      { numRuns: CASES.bodies / AT_ONCE },
    )
  })

  it('answers every query string', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(fc.record({ query: queryString(), path: path() }), AT_ONCE), async (batch) => {
        const answers = batch.map(({ query, path }) => post(`${path}?${query}`, '{"description":"d"}'))
        for (const answer of await Promise.all(answers)) checkAnswer(answer)
      }),
      { numRuns: CASES.queryStrings / AT_ONCE },
    )
  })

  it('refuses one byte more than a request may have, and takes as many as it may', async () => {
    const mebibyte = 1_048_576
    const padded = (length: number) => '{}'.padEnd(length)
    assert.equal((await post('/_checkToken', padded(mebibyte))).httpStatus, 200)
    const refused = await post('/_checkToken', padded(mebibyte + 1))
    assert.deepEqual([refused.httpStatus, refused.id], [413, 'network.http.request_too_large'])

    const lastWords = async (length: number) => {
      const socket = new WebSocket(`ws://${server.host}:${server.port}`)
      return new Promise((resolve, reject) => {
        socket.once('open', () => socket.send(padded(length)))
        socket.once('message', (data) => resolve(JSON.parse(String(data)).error.id))
        socket.once('close', (code) => resolve(code))
        socket.once('error', reject)
      }).finally(() => socket.close())
    }
    assert.equal(await lastWords(mebibyte), 'api.assert.missing_argument')
    assert.equal(await lastWords(mebibyte + 1), 1009)
  })

  it('ends every connection whose first bytes are no request, or answers it', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(head(), 20), async (heads) => {
        for (const answer of await Promise.all(heads.map((text) => exchange(server, text)))) {
          assert.doesNotMatch(answer, /^HTTP\/1\.1 50[0-24-9]/)
        }
      }),
      { numRuns: CASES.heads / 20 },
    )
  })

  it('ends every WebSocket whose frames are none', async () => {
    const upgrade = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'x'.repeat(22)}==\r\n\r\n`
    await fc.assert(
      fc.asyncProperty(batchOf(fc.uint8Array({ minLength: 1, maxLength: 200 }), 20), async (batch) => {
        const all = batch.map((junk) => exchange(server, Buffer.concat([Buffer.from(upgrade), junk])))
        for (const answer of await Promise.all(all)) assert.match(answer, /^HTTP\/1\.1 101/)
      }),
      { numRuns: CASES.sockets / 20 },
    )
  })

  /** Sends a body, and answers what comes back: an envelope, a bare error, or a document. */
  function post(
    path: string,
    body: string | Uint8Array,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Json> {
    const { host, port } = server
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...more }
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        { host, port, path, method: 'POST', headers, agent, timeout: ANSWER_TIMEOUT_MS },
        (reply) => {
          const chunks: Buffer[] = []
          reply.on('data', (chunk: Buffer) => chunks.push(chunk))
          reply.on('error', reject)
          reply.on('end', () => resolve({ httpStatus: reply.statusCode, ...parsed(Buffer.concat(chunks)) }))
        },
      )
      asked.on('timeout', () => asked.destroy(new Error(`No answer to POST ${path}`)))
      asked.on('error', reject)
      asked.end(body)
    })
  }
})

function parsed(bytes: Buffer): object {
  return JSON.parse(String(bytes))
}

/** Status, id and message of an error; undefined for a success. */
function errorOf(answer: Json): readonly unknown[] | undefined {
  if (answer.error === null) return undefined
  const { status, id, message } = answer.error
  assert.equal(answer.status, status)
  return [status, id, message]
}

/** Every answer must be well formed, and no mistake of a client may look like one of the server. */
function checkAnswer(answer: Json): void {
  const what = JSON.stringify(answer).slice(0, 500)
  const status = answer.httpStatus ?? answer.status
  assert.ok(Number.isInteger(status) && status >= 200 && status < 600, what)
  const error = answer.error ?? (status >= 400 ? answer : undefined)
  assert.ok(status < 500 || status === 503 || KUZZLES_OWN_500.includes(error?.id), what)
  if (error === undefined) return
  assert.equal(typeof error.message, 'string', what)
  assert.equal('stack' in error, false, what)
}

type AskingSocket = {
  /** Sends all requests at once, each with an id, and resolves when each is answered in the room of its id. */
  askAll(requests: readonly object[]): Promise<readonly Json[]>
  close(): void
}

async function openSocket({ host, port }: RunningServer): Promise<AskingSocket> {
  const socket = new WebSocket(`ws://${host}:${port}`)
  const waiting = new Map<string, (answer: Json) => void>()
  let count = 0
  socket.on('message', (data) => {
    const answer = JSON.parse(String(data))
    waiting.get(answer.room)?.(answer)
    waiting.delete(answer.room)
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const askOne = (request: object): Promise<Json> =>
    new Promise((resolve, reject) => {
      count += 1
      const requestId = `r${count}`
      const text = JSON.stringify({ ...request, requestId })
      const timer = setTimeout(
        () => reject(new Error(`No answer to ${text.slice(0, 500)}`)),
        ANSWER_TIMEOUT_MS,
      )
      waiting.set(requestId, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      socket.send(text)
    })
  return {
    askAll: (requests) => Promise.all(requests.map(askOne)),
    close: () => socket.close(),
  }
}

/** Sends bytes on a new connection and nothing more; answers what came until the server ended it. */
function exchange({ host, port }: RunningServer, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    let answer = ''
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => {
      socket.destroy()
      reject(new Error(`The connection stayed open after ${JSON.stringify(String(bytes)).slice(0, 500)}`))
    })
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    socket.end(bytes)
  })
}
