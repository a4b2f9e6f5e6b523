import type { KuzzleSettings } from '../apis/kuzzle/server-facts.ts'
import type { Settings } from '../settings/settings.ts'

/** What Kuzzle's API is told of the settings. */
export function kuzzleSettingsOf(settings: Settings): KuzzleSettings {
  return {
    strictSdkVersion: settings['server.strictSdkVersion'],
    maxRequestSize: settings['server.maxRequestSize'],
    maxFormFileSize: settings['server.protocols.http.maxFormFileSize'],
    maxEncodingLayers: settings['server.protocols.http.maxEncodingLayers'],
    allowCompression: settings['server.protocols.http.allowCompression'],
    additionalContentTypes: settings['server.protocols.http.additionalContentTypes'],
    accessControlAllowOrigin: settings['http.accessControlAllowOrigin'],
    accessControlAllowOriginUseRegExp: settings['http.accessControlAllowOriginUseRegExp'],
    accessControlAllowMethods: settings['http.accessControlAllowMethods'],
    accessControlAllowHeaders: settings['http.accessControlAllowHeaders'],
    cookieAuthentication: settings['http.cookieAuthentication'],
    allowTokenInQuery: settings['http.allowTokenInQuery'],
    failsafeMode: settings['plugins.common.failsafeMode'],
    concurrentRequests: settings['limits.concurrentRequests'],
    requestsBufferSize: settings['limits.requestsBufferSize'],
    requestsBufferWarningThreshold: settings['limits.requestsBufferWarningThreshold'],
    documentsFetchCount: settings['limits.documentsFetchCount'],
    documentsWriteCount: settings['limits.documentsWriteCount'],
    maxScrollDurationMs: settings['services.storageEngine.maxScrollDuration'],
    scrollTtlMs: settings['services.storageEngine.defaults.scrollTTL'],
    websocketRealtimeNotifications: settings['server.protocols.websocket.realtimeNotifications'],
    mqttRealtimeNotifications: settings['server.protocols.mqtt.realtimeNotifications'],
    statsEnabled: settings['stats.enabled'],
    statsTtlMs: settings['stats.ttl'],
    statsIntervalMs: settings['stats.statsInterval'],
    development: settings.dev,
  }
}
