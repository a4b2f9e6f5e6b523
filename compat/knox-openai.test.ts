import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import { WebSocket, WebSocketServer } from 'ws'
import { basic, KEY, type KnoxWorld, OWN_USERS, params, startKnox, TOKENS, topology } from './knox-world.ts'

const UPSTREAM_KEY = 'sk-of-the-upstream'
const MODEL = 'local-model'
const WORDS = ['Latch', 'key', ' opens', ' doors']

/** What the upstream was asked. `isWhole`: whether its answer was sent to its end, once that is over. */
type Asked = {
  readonly isWhole: Promise<boolean>
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server that speaks the chat protocol of OpenAI. `more`: what it waits for before each word but the first. */
async function openChatServer(more: () => Promise<void>) {
  const asked: Asked[] = []
  const server = createServer((incoming, response) => {
    void readText(incoming).then((body) => {
      const isWhole = once(response, 'close').then(() => response.writableFinished)
      asked.push({ url: incoming.url, headers: incoming.headers, body, isWhole })
      if (incoming.headers.authorization !== `Bearer ${UPSTREAM_KEY}`) {
        return sendJson(response, 401, { error: { message: 'wrong key', code: 'invalid_api_key' } })
      }
      return JSON.parse(body).stream === true ? streamWords(response, more) : sendWhole(response)
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url, headers }) => {
    socket.on('message', (data) => socket.send(`${headers['x-knox-actor-id']} at ${url}: ${data}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function readText(incoming: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return text
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

const COMPLETION = { id: 'chatcmpl-1', created: 1_700_000_000, model: MODEL }

function sendWhole(response: ServerResponse): void {
  const message = { role: 'assistant', content: WORDS.join('') }
  sendJson(response, 200, {
    ...COMPLETION,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  })
}

async function streamWords(response: ServerResponse, more: () => Promise<void>): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (const [index, content] of WORDS.entries()) {
    if (index > 0) await more()
    const chunk = {
      ...COMPLETION,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: { content } }],
    }
    response.write(`data: ${JSON.stringify(chunk)}\n\n`)
  }
  response.end('data: [DONE]\n\n')
}

describe("OpenAI's own client behind a Knox topology", () => {
  /** Lets the upstream say its next word. */
  let sayNext: () => void = () => {}
  let waiting: Promise<void> = Promise.resolve()
  let upstream: Awaited<ReturnType<typeof openChatServer>>
  let knox: KnoxWorld

  const holdBack = (): void => {
    waiting = new Promise((resolve) => {
      sayNext = resolve
    })
  }

  before(async () => {
    upstream = await openChatServer(async () => {
      await waiting
      holdBack()
    })
    const openai = `<service><role>OPENAI</role><url>${upstream.url}</url>${params({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as topology files spell it
      'proxy.authorization': 'Bearer ${ALIAS=openai-key}',
    })}</service>`
    knox = await startKnox(
      {
        'keys.xml': topology(OWN_USERS, '<service><role>APIKEY</role></service>'),
        'ai.xml': topology(TOKENS, openai),
      },
      { LATCHKEY_KNOX_ALIASES: `openai-key=${UPSTREAM_KEY}` },
    )
  })

  after(async () => {
    await knox?.close()
    upstream?.close()
  })

  async function issueKey(): Promise<{
    readonly id: string
    readonly client: OpenAI
    readonly apiKey: string
  }> {
    const { status, json } = await knox.ask('POST', `keys/${KEY}`, { headers: basic('guest') })
    assert.equal(status, 200)
    const baseURL = `${knox.server.url}/gateway/ai/openai`
    const client = new OpenAI({ apiKey: json.api_key, baseURL, maxRetries: 0 })
    return { id: json.key_id, apiKey: json.api_key, client }
  }

  const question = { model: MODEL, messages: [{ role: 'user', content: 'What is Latchkey?' }] } as const

  it('gets a whole answer, and the upstream its own key and the name of the caller instead of the secret', async () => {
    const { client, id, apiKey } = await issueKey()
    const completion = await client.chat.completions.create({ ...question, messages: [...question.messages] })
    assert.equal(completion.choices[0]?.message.content, WORDS.join(''))
    assert.equal(completion.usage?.total_tokens, 7)
    const asked = upstream.asked.at(-1)
    assert.equal(asked?.url, '/v1/chat/completions')
    assert.equal(JSON.parse(asked?.body ?? '').messages[0].content, 'What is Latchkey?')
    assert.equal(asked?.headers['x-knox-actor-id'], 'guest')
    assert.equal(asked?.headers['x-latchkey-key-id'], id)
    assert.ok(!JSON.stringify(asked).includes(apiKey))
  })

  it('gets each word of a streamed answer before the upstream has said the next', async () => {
    const { client } = await issueKey()
    holdBack()
    const stream = await client.chat.completions.create({
      ...question,
      messages: [...question.messages],
      stream: true,
    })
    const heard: (string | null | undefined)[] = []
    for await (const chunk of stream) {
      heard.push(chunk.choices[0]?.delta.content)
      // The upstream is silent until it is told that this one has arrived.
      sayNext()
    }
    assert.deepEqual(heard, WORDS)
  })

  it('can stop listening, and the upstream stops', async () => {
    const { client } = await issueKey()
    holdBack()
    const stream = await client.chat.completions.create({
      ...question,
      messages: [...question.messages],
      stream: true,
    })
    for await (const chunk of stream) {
      assert.equal(chunk.choices[0]?.delta.content, WORDS[0])
      break
    }
    assert.equal(await upstream.asked.at(-1)?.isWhole, false)
    sayNext()
  })

  it('is told as by OpenAI that its key is no good: from the first request after the revocation', async () => {
    const { client, id, apiKey } = await issueKey()
    const ask = () => client.chat.completions.create({ ...question, messages: [...question.messages] })
    await ask()
    const before = upstream.asked.length
    const revoked = await knox.ask('DELETE', `keys/${KEY}/revoke`, { headers: basic('guest'), body: id })
    assert.equal(revoked.status, 200, revoked.text)
    await assert.rejects(ask(), OpenAI.AuthenticationError)
    const never = new OpenAI({ apiKey: `${apiKey.slice(0, -4)}AAA=`, baseURL: client.baseURL, maxRetries: 0 })
    await assert.rejects(
      never.chat.completions.create({ ...question, messages: [...question.messages] }),
      OpenAI.AuthenticationError,
    )
    assert.equal(upstream.asked.length, before, 'the upstream was not asked')
  })

  it('gets answers through the key of a whole other language', async () => {
    const created = await fetch(`${knox.server.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${knox.admin}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const { key } = (await created.json()) as { readonly key: string }
    const client = new OpenAI({ apiKey: key, baseURL: `${knox.server.url}/gateway/ai/openai`, maxRetries: 0 })
    const completion = await client.chat.completions.create({ ...question, messages: [...question.messages] })
    assert.equal(completion.choices[0]?.message.content, WORDS.join(''))
  })

  it('may speak WebSocket with the upstream, and with Kuzzle everywhere else', async () => {
    const { apiKey } = await issueKey()
    const origin = knox.server.url.replace('http', 'ws')
    const ask = async (path: string, message: string): Promise<string> => {
      const socket = new WebSocket(`${origin}${path}`, { headers: { authorization: `Bearer ${apiKey}` } })
      await once(socket, 'open')
      socket.send(message)
      const [data] = await once(socket, 'message')
      socket.terminate()
      return String(data)
    }
    assert.equal(await ask('/gateway/ai/openai/realtime?model=x', 'hi'), 'guest at /v1/realtime?model=x: hi')
    const now = JSON.parse(await ask('/', '{"controller":"server","action":"now"}'))
    assert.equal(typeof now.result.now, 'number')
    const unknown = new WebSocket(`${origin}/gateway/ai/openai/realtime`)
    const [, { statusCode }] = await once(unknown, 'unexpected-response')
    assert.equal(statusCode, 401)
    unknown.on('error', () => {}).terminate()
  })
})
