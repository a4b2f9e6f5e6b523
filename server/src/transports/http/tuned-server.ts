import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { HttpLimits } from './http-listener-options.ts'

/** A server of node:http within these limits. `shouldUpgrade`: whether a request to upgrade is more than a request. */
export function createTunedServer(
  limits: HttpLimits,
  shouldUpgrade: (incoming: IncomingMessage) => boolean,
): Server {
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: true,
    noDelay: true,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // How late a timeout may be noticed: a quarter of it, as it is only checked now and then.
    connectionsCheckingInterval: Math.ceil(Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4),
    // Requests without a body, most of ours, need no stream.
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: shouldUpgrade,
  })
  server.timeout = limits.idleTimeoutMs
  server.maxConnections = limits.connectionsMax
  // node:http would silently leave out the headers beyond this number, a second Authorization among them.
  // `headerBytesMax` bounds them.
  server.maxHeadersCount = 0
  return server
}
