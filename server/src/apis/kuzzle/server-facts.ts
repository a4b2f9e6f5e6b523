import type { JsonObject } from '../../core/json.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Instant } from '../../core/record.ts'
import type { PublicApi } from './public-api.ts'
import type { Scrolls } from './scrolls.ts'
import type { Statistics } from './statistics.ts'

/** Settings that this API itself obeys; see `settings/settings.ts` for their meaning. Durations in ms, sizes in bytes. */
export type KuzzleSettings = {
  readonly strictSdkVersion: boolean
  readonly maxRequestSize: number
  readonly maxFormFileSize: number
  readonly maxEncodingLayers: number
  readonly allowCompression: boolean
  readonly additionalContentTypes: readonly string[]
  readonly accessControlAllowOrigin: readonly string[]
  readonly accessControlAllowOriginUseRegExp: boolean
  readonly accessControlAllowMethods: string
  readonly accessControlAllowHeaders: string
  readonly cookieAuthentication: boolean
  readonly allowTokenInQuery: boolean
  readonly failsafeMode: boolean
  readonly concurrentRequests: number
  readonly requestsBufferSize: number
  readonly requestsBufferWarningThreshold: number
  readonly documentsFetchCount: number
  readonly documentsWriteCount: number
  readonly maxScrollDurationMs: number
  readonly scrollTtlMs: number
  readonly websocketRealtimeNotifications: boolean
  readonly mqttRealtimeNotifications: boolean
  readonly statsEnabled: boolean
  readonly statsTtlMs: number
  readonly statsIntervalMs: number
  /** Kuzzle's NODE_ENV `development`: error stacks and notes on deprecated routes are shown. */
  readonly development: boolean
}

/** Whether each of Kuzzle's services works; here all stand on the one store. */
export type Health = {
  readonly storageEngine: boolean
  readonly internalCache: boolean
  readonly memoryStorage: boolean
}

/** What the server knows of itself. */
export type ServerFacts = {
  /** Name of this node: `knode-<adjective>-<name>-<number>`. */
  readonly node: string
  /** Version of Latchkey. */
  readonly version: string
  readonly startedAt: Instant
  readonly clock: Clock
  readonly settings: KuzzleSettings
  /** The configuration for `server:getConfig`, without secrets. */
  readonly configuration: JsonObject
  /** Name of the storage driver, such as `sqlite`. */
  readonly storageBackend: string
  readonly publicApi: PublicApi
  readonly statistics: Statistics
  readonly scrolls: Scrolls
  health(): Promise<Health>
  /** Requests that are being worked on, and those that wait. */
  load(): { readonly concurrentRequests: number; readonly pendingRequests: number }
  /** Open connections by carrier; of HTTP (`http/1.1`), those with a request under way. */
  connections(): Readonly<Record<string, number>>
}
