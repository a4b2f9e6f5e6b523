import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { openTestAuthority, type TestAuthority } from '../../../core/contract/test-authority.ts'
import type { CoreSettings } from '../../../core/core-settings.ts'
import type { UserId } from '../../../core/ids.ts'
import { createNodeRandomness } from '../../../system/node-randomness.ts'
import { openHttpListener } from '../../../transports/http/http-listener.ts'
import { openMqttListener } from '../../../transports/mqtt/mqtt-listener.ts'
import { openWebSocketListener } from '../../../transports/websocket/websocket-listener.ts'
import type { WebSocketLimits } from '../../../transports/websocket/websocket-listener-options.ts'
import { createKuzzleApi, type KuzzleApi } from '../kuzzle-api.ts'
import { NOTICE_ROOM } from '../over-sockets.ts'
import type { KuzzleSettings } from '../server-facts.ts'

/** What a default installation does. */
export const TEST_KUZZLE_SETTINGS: KuzzleSettings = {
  strictSdkVersion: true,
  maxRequestSize: 1_048_576,
  maxFormFileSize: 1_048_576,
  maxEncodingLayers: 3,
  allowCompression: true,
  additionalContentTypes: [],
  accessControlAllowOrigin: ['*'],
  accessControlAllowOriginUseRegExp: false,
  accessControlAllowMethods: 'GET,POST,PUT,PATCH,DELETE,OPTIONS,HEAD',
  accessControlAllowHeaders: 'Content-Type, Authorization',
  cookieAuthentication: true,
  allowTokenInQuery: false,
  failsafeMode: false,
  concurrentRequests: 100,
  requestsBufferSize: 50_000,
  requestsBufferWarningThreshold: 5_000,
  documentsFetchCount: 10_000,
  documentsWriteCount: 200,
  maxScrollDurationMs: 60_000,
  scrollTtlMs: 15_000,
  websocketRealtimeNotifications: true,
  mqttRealtimeNotifications: true,
  statsEnabled: true,
  statsTtlMs: 3_600_000,
  statsIntervalMs: 10_000,
  development: false,
}

/** An answer, with its JSON already read. */
export type TestAnswer = {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  readonly body: any
}

/** How to ask over HTTP. */
export type Ask = {
  readonly token?: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** One WebSocket of a client. */
export type TestSocket = {
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  ask(frame: object): Promise<any>
  send(text: string): void
  /** The next message that is not the answer to an `ask`. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  next(): Promise<any>
  /** Messages that nobody asked for or waited for yet. */
  readonly unread: readonly unknown[]
  close(): Promise<void>
  /** Settles once the connection is over, whoever ended it. */
  readonly ended: Promise<void>
}

/** Kuzzle's API on real listeners and a store of its own; only its clock is set by hand. */
export type TestApi = {
  readonly api: KuzzleApi
  readonly authority: TestAuthority
  readonly url: string
  /** Everything that was logged, as text. */
  readonly logged: string[]
  ask(method: string, path: string, how?: Ask): Promise<TestAnswer>
  socket(headers?: Readonly<Record<string, string>>): Promise<TestSocket>
  /** Opens the API over MQTT too, and answers the port. */
  openMqtt(): Promise<number>
  /** A session of a new user with that profile; its password is `password`. */
  login(id: string, profileId?: string): Promise<string>
}

/** Opens the API for one test, or for all of a suite. */
export async function openTestApi(
  t: Pick<TestContext, 'after'>,
  settings: Partial<KuzzleSettings> = {},
  core: Partial<CoreSettings> = {},
  sockets: Partial<WebSocketLimits> = {},
): Promise<TestApi> {
  const authority = await openTestAuthority(t as TestContext, core)
  const logged: string[] = []
  const log = (facts: object, message: string) => {
    logged.push(
      `${message} ${JSON.stringify(facts, (_name, value) => (value instanceof Error ? value.stack : value))}`,
    )
  }
  const api = createKuzzleApi({
    authority,
    clock: authority.clock,
    randomness: createNodeRandomness(),
    scrolls: authority.storage.scrolls,
    log: { warn: log, error: log },
    settings: { ...TEST_KUZZLE_SETTINGS, ...settings },
    node: 'knode-quiet-otter-1',
    version: '0.0.0',
    configuration: { limits: { loginsPerSecond: 1 }, security: { never: 'shown' } },
    storageBackend: 'sqlite',
    isStorageHealthy: () => authority.storage.isHealthy(),
  })
  const onError = (error: unknown) => {
    logged.push(`A promise was broken: ${error instanceof Error ? error.stack : String(error)}`)
  }
  const http = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler: api.http.handler,
    overloaded: api.http.overloaded,
    onError,
  })
  const websockets = openWebSocketListener({
    http,
    handler: api.websocket.handler,
    heartbeat: api.websocket.heartbeat,
    onRateExceeded: api.websocket.onRateExceeded,
    onError,
    limits: { drainTimeoutMs: 100, ...sockets },
  })
  t.after(async () => {
    await websockets.close()
    await http.close()
  })
  const url = `http://127.0.0.1:${http.port}`
  const ask = (method: string, path: string, how?: Ask) => askOver(url, method, path, how)
  return {
    api,
    authority,
    url,
    logged,
    ask,
    socket: (headers = {}) => openSocket(t, url, headers),
    async openMqtt() {
      const mqtt = await openMqttListener({
        host: '127.0.0.1',
        port: 0,
        handler: api.mqtt,
        serverTopics: [NOTICE_ROOM],
        requestTopic: 'Kuzzle/request',
        responseTopic: 'Kuzzle/response',
        allowPubSub: false,
        disconnectDelayMs: 0,
        onError,
        limits: { drainTimeoutMs: 100 },
      })
      t.after(() => mqtt.close())
      return mqtt.port
    },
    async login(id, profileId = 'admin') {
      await authority.users.create(authority.nobody, {
        id: id as UserId,
        idKind: 'human',
        profileIds: [profileId as never],
        content: {},
        credentials: { local: { username: id, password: 'password' } },
      })
      const { body } = await ask('POST', '/_login/local', { body: { username: id, password: 'password' } })
      assert.equal(body.error, null)
      return body.result.jwt
    },
  }
}

async function askOver(url: string, method: string, path: string, how: Ask = {}): Promise<TestAnswer> {
  const body = how.raw ?? (how.body === undefined ? undefined : JSON.stringify(how.body))
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(how.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(how.token === undefined ? {} : { authorization: `Bearer ${how.token}` }),
      ...how.headers,
    },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json' && text !== ''
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

let frames = 0

async function openSocket(
  t: Pick<TestContext, 'after'>,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<TestSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  const asked = new Map<string, (answer: unknown) => void>()
  const unread: unknown[] = []
  const waiting: ((message: unknown) => void)[] = []
  socket.on('message', (data) => {
    const message = JSON.parse(String(data))
    const take = asked.get(message.room) ?? waiting.shift()
    asked.delete(message.room)
    if (take === undefined) unread.push(message)
    else take(message)
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const close = () => {
    socket.close()
    return ended
  }
  t.after(close)
  return {
    ask(frame) {
      frames += 1
      const requestId = `frame-${frames}`
      return new Promise((resolve) => {
        asked.set(requestId, resolve)
        socket.send(JSON.stringify({ requestId, ...frame }))
      })
    },
    send: (text) => socket.send(text),
    next: () =>
      new Promise((resolve) => {
        const message = unread.shift()
        if (message === undefined) waiting.push(resolve)
        else resolve(message)
      }),
    unread,
    close,
    ended,
  }
}
