import type { KuzzleApi } from '../apis/kuzzle/kuzzle-api.ts'
import { NOTICE_ROOM } from '../apis/kuzzle/over-sockets.ts'
import type { Settings } from '../settings/settings.ts'
import { openHttpListener } from '../transports/http/http-listener.ts'
import type { HttpListener } from '../transports/http/http-listener-options.ts'
import { type LaneBeforeHttp, openLaneBeforeHttp } from '../transports/lane/open-lane-before-http.ts'
import { openMqttListener } from '../transports/mqtt/mqtt-listener.ts'
import type { MqttListener } from '../transports/mqtt/mqtt-listener-options.ts'
import type { TlsOptions } from '../transports/tls-server.ts'
import { openWebSocketListener } from '../transports/websocket/websocket-listener.ts'
import { DRAIN_MAX_MS } from './drain.ts'
import type { HotRoutes } from './hot-routes.ts'
import type { Log } from './log.ts'
import type { RoutedApi } from './route-requests.ts'
import { cannotListen, printHost } from './start-error.ts'

/** Running WebSocket messages and MQTT requests may take so long to finish when the server stops. */
const SOCKETS_DRAIN_MAX_MS = 5_000

/** How long WebSocket clients may take to say goodbye. */
const CLOSE_GRACE_MS = 1_000

/** Every open listener for clients. */
export type Carriers = {
  /** The listener for everybody. */
  readonly http: LaneBeforeHttp
  /** Where HTTP is, and MQTT when it is on. */
  readonly urls: readonly string[]
  /** Where administration is answered. */
  readonly adminUrl: string
  openConnections(): { readonly http: number; readonly websocket: number; readonly mqtt: number }
  close(): Promise<void>
}

/** What the carriers carry: all APIs over HTTP, and Kuzzle's over the others. */
export type CarriedApis = Pick<KuzzleApi, 'websocket' | 'mqtt'> & {
  readonly http: RoutedApi
  /** What of it is for everybody when administrators have a listener of their own. */
  readonly publicHttp: RoutedApi
  readonly lane: HotRoutes['lane']
}

/**
 * Opens the listeners that the settings ask for. With `admin.port`, what only administrators need, WebSockets included,
 * is answered there alone.
 *
 * @throws {StartError} when an address cannot be listened on; nothing is left open then.
 */
export async function openCarriers(
  settings: Settings,
  api: CarriedApis,
  log: Log,
  tls: TlsOptions | undefined,
): Promise<Carriers> {
  const opened: { close(): Promise<void> }[] = []
  // At the same time, because each waits for its clients; sockets are given up before HTTP cuts all connections.
  const close = async (): Promise<void> => {
    await Promise.all(opened.toReversed().map((listener) => listener.close()))
  }
  try {
    const scheme = tls === undefined ? 'http' : 'https'
    const hasAdmin = settings['admin.port'] !== undefined
    const http = await openHttp(settings, hasAdmin ? { ...api, http: api.publicHttp } : api, { log, tls })
    opened.push(http)
    const admin = hasAdmin ? await openAdmin(settings, api, { log, tls }) : http
    if (admin !== http) opened.push(admin)
    const websocket = settings['server.protocols.websocket.enabled']
      ? openWebSocket(settings, admin, api, log)
      : undefined
    if (websocket !== undefined) opened.push(websocket)
    const mqtt = settings['server.protocols.mqtt.enabled'] ? await openMqtt(settings, api, log) : undefined
    if (mqtt !== undefined) opened.push(mqtt)
    return {
      http,
      urls: [urlOf(scheme, http), ...(mqtt === undefined ? [] : [urlOf('mqtt', mqtt)])],
      adminUrl: urlOf(scheme, admin),
      openConnections: () => ({
        http: http.openConnections + (admin === http ? 0 : admin.openConnections),
        websocket: websocket?.openConnections ?? 0,
        mqtt: mqtt?.openConnections ?? 0,
      }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function urlOf(
  scheme: string,
  { address, port }: { readonly address: string; readonly port: number },
): string {
  return `${scheme}://${printHost(address)}:${port}`
}

type Opening = { readonly log: Log; readonly tls: TlsOptions | undefined }

async function openHttp(
  settings: Settings,
  api: CarriedApis,
  { log, tls }: Opening,
): Promise<LaneBeforeHttp> {
  const host = settings['server.host']
  const port = settings['server.port']
  try {
    return await openLaneBeforeHttp({
      lane: {
        place: { host, port, shared: settings.workers > 1 },
        ...api.lane,
        ...(tls !== undefined && { tls }),
      },
      http: httpOptions(settings, api.http, log),
    })
  } catch (error) {
    throw cannotListen({ host, port, flag: '--port' }, error)
  }
}

async function openAdmin(settings: Settings, api: CarriedApis, { log, tls }: Opening): Promise<HttpListener> {
  const host = settings['admin.host']
  const port = settings['admin.port'] ?? 0
  try {
    const http = httpOptions(settings, api.http, log)
    if (tls === undefined) return await openHttpListener({ host, port, ...http })
    // Encryption is the lane's; without routes it is nothing else.
    const lane = { ...api.lane, place: { host, port, shared: false }, routes: [], tls }
    return await openLaneBeforeHttp({ lane, http })
  } catch (error) {
    throw cannotListen({ host, port, flag: '--admin.port' }, error)
  }
}

function httpOptions(settings: Settings, { handler, overloaded }: RoutedApi, log: Log) {
  const gateway = `/${settings['knox.gatewayPath']}/`
  return {
    handler,
    overloaded,
    // Those of services that are passed on; all others are Kuzzle's.
    takesUpgrades: (path: string) => path.startsWith(gateway),
    onError: (error: unknown, requestId: string) =>
      log.error({ err: error, requestId }, 'An HTTP request failed'),
    limits: {
      concurrentRequestsMax: settings['limits.concurrentRequests'] + settings['limits.requestsBufferSize'],
      drainTimeoutMs: DRAIN_MAX_MS,
    },
  }
}

function openWebSocket(settings: Settings, http: HttpListener, api: CarriedApis, log: Log) {
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

async function openMqtt(settings: Settings, api: CarriedApis, log: Log): Promise<MqttListener> {
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
