import type { JsonObject } from '../../core/json.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Randomness } from '../../core/ports/randomness.ts'
import type { ScrollStore } from '../../core/ports/scroll-store.ts'
import type { Connection, MessageHandler } from '../../transports/connection.ts'
import { createOrigins } from '../../transports/http/origins.ts'
import { CONTROLLERS } from './actions.ts'
import { type AddressOf, createFunnel } from './funnel.ts'
import { createGate } from './gate.ts'
import type { KuzzleLog } from './kuzzle-log.ts'
import { createKuzzleOverHttp, type KuzzleOverHttp } from './over-http.ts'
import { createKuzzleOverMqtt } from './over-mqtt.ts'
import { NOTICE_ROOM, printTokenExpired } from './over-sockets.ts'
import { createKuzzleOverWebSocket, type KuzzleOverWebSocket } from './over-websocket.ts'
import { publicApiOf } from './public-api.ts'
import { createRouter } from './router.ts'
import { createScrolls } from './scrolls.ts'
import type { KuzzleSettings, ServerFacts } from './server-facts.ts'
import { createStatistics } from './statistics.ts'
import { createTokenLinks } from './token-links.ts'

/** What this API needs of the rest of the server. */
export type KuzzleApiParts = {
  readonly authority: KeyAuthority
  readonly clock: Clock
  readonly randomness: Randomness
  /** Where results are kept that clients walk through. */
  readonly scrolls: ScrollStore
  readonly log: KuzzleLog
  readonly settings: KuzzleSettings
  /** Name of this node: `knode-<adjective>-<name>-<number>`. */
  readonly node: string
  /** Version of Latchkey. */
  readonly version: string
  /** The configuration for `server:getConfig`, without secrets. */
  readonly configuration: JsonObject
  /** Name of the storage driver, such as `sqlite`. */
  readonly storageBackend: string
  readonly isStorageHealthy: () => Promise<boolean>
  /** The address of a client, proxies that are trusted left out; absent: the peer's. */
  readonly addressOf?: AddressOf
}

/** Kuzzle's API over each of its carriers. */
export interface KuzzleApi {
  readonly http: KuzzleOverHttp
  readonly websocket: KuzzleOverWebSocket
  readonly mqtt: MessageHandler
  /** Tells connections whose tokens expired; call it every `SWEEP_INTERVAL_MS`. */
  sweepTokens(): void
  /** From now on refuses requests with `api.process.shutting_down`; those that run are finished. */
  close(): void
}

/** Builds Kuzzle's API. Holds nothing that must be released. */
export function createKuzzleApi(parts: KuzzleApiParts): KuzzleApi {
  const { authority, clock, settings, node, log } = parts
  const gate = createGate(
    {
      runningMax: settings.concurrentRequests,
      waitingMax: settings.requestsBufferSize,
      warnAt: settings.requestsBufferWarningThreshold,
    },
    (waiting) => log.warn({ waiting }, 'Requests come faster than they can be answered'),
  )
  const server = createServerFacts(parts, () => ({
    concurrentRequests: gate.running,
    pendingRequests: gate.waiting,
  }))
  const origins = createOrigins(settings.accessControlAllowOrigin, settings.accessControlAllowOriginUseRegExp)
  const funnel = createFunnel({
    authority,
    controllers: CONTROLLERS,
    server,
    gate,
    origins,
    log,
    ...(parts.addressOf !== undefined && { addressOf: parts.addressOf }),
  })
  const envelopes = { node, development: settings.development }

  const links = createTokenLinks<Connection>(
    clock,
    (connection) => {
      if (isNotified(connection, settings)) connection.send(printTokenExpired(node), NOTICE_ROOM)
    },
    (fingerprint) => void authority.tokens.recheck([fingerprint]),
  )
  authority.tokens.onEnded(links.ended, links.linked)
  authority.tokens.onLifeChanged(links.lifeChanged)

  const sockets = { funnel, links, statistics: server.statistics, envelopes }
  return {
    http: createKuzzleOverHttp({
      funnel,
      router: createRouter(CONTROLLERS),
      gate,
      origins,
      settings,
      envelopes,
    }),
    websocket: createKuzzleOverWebSocket(sockets),
    mqtt: createKuzzleOverMqtt(sockets),
    sweepTokens() {
      links.sweep()
      void authority.tokens.recheck([])
    },
    close: () => gate.close(),
  }
}

function createServerFacts(parts: KuzzleApiParts, load: ServerFacts['load']): ServerFacts {
  const { clock, randomness, settings } = parts
  const statistics = createStatistics(clock, {
    enabled: settings.statsEnabled,
    intervalMs: settings.statsIntervalMs,
    ttlMs: settings.statsTtlMs,
  })
  return {
    node: parts.node,
    version: parts.version,
    startedAt: clock.now(),
    clock,
    settings,
    configuration: parts.configuration,
    storageBackend: parts.storageBackend,
    publicApi: publicApiOf(CONTROLLERS),
    statistics,
    scrolls: createScrolls(parts.scrolls, clock, randomness),
    async health() {
      const storageEngine = await parts.isStorageHealthy()
      // Both are the memory of this very process, which is answering.
      return { storageEngine, internalCache: true, memoryStorage: true }
    },
    load,
    connections() {
      const { connections, ongoingRequests } = statistics.last()
      // In Kuzzle a connection of HTTP lasts as long as its request, and its clients know the number as such.
      return { ...connections, 'http/1.1': ongoingRequests['http'] ?? 0 }
    },
  }
}

function isNotified({ carrier }: Connection, settings: KuzzleSettings): boolean {
  return carrier === 'websocket'
    ? settings.websocketRealtimeNotifications
    : settings.mqttRealtimeNotifications
}
