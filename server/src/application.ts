import { createKuzzleApi, type KuzzleApi } from './apis/kuzzle/kuzzle-api.ts'
import { NOTICE_ROOM } from './apis/kuzzle/over-sockets.ts'
import { SWEEP_INTERVAL_MS } from './apis/kuzzle/token-links.ts'
import { storageUrlOf } from './application/core-settings-of.ts'
import { every } from './application/every.ts'
import { kuzzleSettingsOf } from './application/kuzzle-settings-of.ts'
import type { Log } from './application/log.ts'
import { type OpenAuthority, openAuthority } from './application/open-authority.ts'
import { cannotListen, printHost } from './application/start-error.ts'
import { readVersion } from './application/version.ts'
import { humanUserId } from './core/access/human-names.ts'
import { isJsonObject, type JsonObject } from './core/json.ts'
import { redactedSettings } from './settings/redacted-settings.ts'
import type { Settings } from './settings/settings.ts'
import { systemClock } from './system/system-clock.ts'
import { openHttpListener } from './transports/http/http-listener.ts'
import type { HttpListener } from './transports/http/http-listener-options.ts'
import { openMqttListener } from './transports/mqtt/mqtt-listener.ts'
import type { MqttListener } from './transports/mqtt/mqtt-listener-options.ts'
import { openWebSocketListener } from './transports/websocket/websocket-listener.ts'

/** A running server. */
export type Application = {
  /** Where it can be reached: HTTP and WebSocket first, then MQTT when it is on. */
  readonly urls: readonly string[]
  /** Port of HTTP and WebSocket. */
  readonly port: number
  /** Whether an administrator existed when it started. */
  readonly adminExists: boolean
  /** Lets running requests finish for at most `DRAIN_MAX_MS`, writes what waits, and lets go of everything. */
  close(): Promise<void>
}

/** Running WebSocket messages and MQTT requests may take so long to finish when the server stops. */
const SOCKETS_DRAIN_MAX_MS = 5_000

/** How long WebSocket clients may take to say goodbye. */
const CLOSE_GRACE_MS = 1_000

/** Requests over HTTP may take so long; longer than sockets, which are connections of HTTP too. */
export const DRAIN_MAX_MS = 7_000

/** How often refusals are written to the store, and expired sessions forgotten. */
const HOUSEKEEPING_INTERVAL_MS = 1_000

/**
 * Starts everything that the settings ask for: the one place that knows every part.
 *
 * @throws {StartError} when the store cannot be opened or an address cannot be listened on; nothing is left open then.
 */
export async function startApplication(settings: Settings, log: Log): Promise<Application> {
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = (): Promise<void> => closeInTurn(closers)
  try {
    const opened = await openAuthority(settings, log)
    closers.push(opened.close)
    const adminExists = await opened.authority.users.adminExists()
    const api = createKuzzleApi(kuzzleApiParts(settings, opened, log))
    const timers = startTimers(opened, api, log)
    closers.push(timers.stop)
    const carriers = await openCarriers(settings, api, log)
    // Requests that already came are answered; only then nothing is let in any more.
    closers.push(api.close, carriers.close)
    const close = once(closeAll)
    return { urls: carriers.urls, port: carriers.http.port, adminExists, close }
  } catch (error) {
    // Why it cannot start matters more than what else fails on the way back.
    await closeAll().catch((failure: unknown) => log.error({ err: failure }, 'Cannot undo a failed start'))
    throw error
  }
}

function kuzzleApiParts(settings: Settings, { authority, storage, randomness }: OpenAuthority, log: Log) {
  return {
    authority,
    clock: systemClock,
    randomness,
    log,
    settings: kuzzleSettingsOf(settings),
    node: humanUserId(randomness).replace(/^kuid/, 'knode'),
    version: readVersion(),
    configuration: configurationOf(settings),
    storageBackend: storageUrlOf(settings).replace(/:.*$/s, ''),
    isStorageHealthy: () => storage.isHealthy(),
  }
}

/** The settings as JSON, which has no functions, undefined members or dates. */
function configurationOf(settings: Settings): JsonObject {
  const configuration: unknown = JSON.parse(JSON.stringify(redactedSettings(settings)))
  return isJsonObject(configuration) ? configuration : {}
}

function startTimers({ housekeeping }: OpenAuthority, api: KuzzleApi, log: Log): { stop(): void } {
  let isFailing = false
  const keepHouse = async (): Promise<void> => {
    try {
      await housekeeping.runOnce()
      if (isFailing) log.info({}, 'Housekeeping works again')
      isFailing = false
    } catch (error) {
      // Said once, not every second: it goes on until somebody mends the store.
      if (!isFailing) log.error({ err: error }, 'Housekeeping failed; it is tried again every second')
      isFailing = true
    }
  }
  const timers = [
    every(HOUSEKEEPING_INTERVAL_MS, () => void keepHouse()),
    every(SWEEP_INTERVAL_MS, () => api.sweepTokens()),
  ]
  return {
    stop: () => {
      for (const timer of timers) timer.stop()
    },
  }
}

type Carriers = { readonly http: HttpListener; readonly urls: readonly string[]; close(): Promise<void> }

async function openCarriers(settings: Settings, api: KuzzleApi, log: Log): Promise<Carriers> {
  const http = await openHttp(settings, api, log)
  const websocket = settings['server.protocols.websocket.enabled']
    ? openWebSocket(settings, http, api, log)
    : undefined
  const closeHttp = async (): Promise<void> => {
    // At the same time, because each waits for its clients; sockets are given up before HTTP cuts all connections.
    await Promise.all([websocket?.close(), http.close()])
  }
  const urls = [`http://${printHost(http.address)}:${http.port}`]
  if (!settings['server.protocols.mqtt.enabled']) return { http, urls, close: closeHttp }
  const mqtt = await openMqtt(settings, api, log).catch(async (error: unknown) => {
    await closeHttp()
    throw error
  })
  return {
    http,
    urls: [...urls, `mqtt://${printHost(mqtt.address)}:${mqtt.port}`],
    close: async () => {
      await Promise.all([mqtt.close(), closeHttp()])
    },
  }
}

async function openHttp(settings: Settings, api: KuzzleApi, log: Log): Promise<HttpListener> {
  const host = settings['server.host']
  const port = settings['server.port']
  try {
    return await openHttpListener({
      host,
      port,
      handler: api.http.handler,
      overloaded: api.http.overloaded,
      onError: (error, requestId) => log.error({ err: error, requestId }, 'An HTTP request failed'),
      limits: {
        concurrentRequestsMax: settings['limits.concurrentRequests'] + settings['limits.requestsBufferSize'],
        drainTimeoutMs: DRAIN_MAX_MS,
      },
    })
  } catch (error) {
    throw cannotListen({ host, port, flag: '--port' }, error)
  }
}

function openWebSocket(settings: Settings, http: HttpListener, api: KuzzleApi, log: Log) {
  return openWebSocketListener({
    http,
    ...api.websocket,
    onError: (error, connectionId) => log.error({ err: error, connectionId }, 'A WebSocket message failed'),
    limits: {
      messageBytesMax: settings['server.maxRequestSize'],
      idleTimeoutMs: settings['server.protocols.websocket.idleTimeout'],
      messagesPerSecondMax: settings['server.protocols.websocket.rateLimit'],
      drainTimeoutMs: SOCKETS_DRAIN_MAX_MS,
      closeGraceMs: CLOSE_GRACE_MS,
    },
  })
}

async function openMqtt(settings: Settings, api: KuzzleApi, log: Log): Promise<MqttListener> {
  const host = settings['server.host']
  const port = settings['server.protocols.mqtt.port']
  try {
    return await openMqttListener({
      host,
      port,
      handler: api.mqtt,
      serverTopics: [NOTICE_ROOM],
      requestTopic: settings['server.protocols.mqtt.requestTopic'],
      responseTopic: settings['server.protocols.mqtt.responseTopic'],
      allowPubSub: settings['server.protocols.mqtt.allowPubSub'],
      disconnectDelayMs: settings['server.protocols.mqtt.disconnectDelay'],
      onError: (error, connectionId) => log.error({ err: error, connectionId }, 'An MQTT request failed'),
      limits: { packetBytesMax: settings['server.maxRequestSize'], drainTimeoutMs: SOCKETS_DRAIN_MAX_MS },
    })
  } catch (error) {
    throw cannotListen({ host, port, flag: '--server.protocols.mqtt.port' }, error)
  }
}

/** The last opened first; what fails does not keep the others from being closed. */
async function closeInTurn(closers: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = []
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed')
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}
