import { createAdoptingHttpListener } from '../http/http-listener.ts'
import type { HttpListener, HttpListenerOptions, UpgradeHandler } from '../http/http-listener-options.ts'
import type { Peer } from '../peer.ts'
import { openLaneListener } from './lane-listener.ts'
import type { LaneLimits, LaneListener, LaneListenerOptions } from './lane-listener-options.ts'

/** What a lane with node:http behind it needs. */
export type LaneBeforeHttpOptions = {
  readonly lane: Pick<LaneListenerOptions, 'place' | 'routes' | 'overloaded' | 'tls'> & {
    readonly limits?: Partial<LaneLimits>
  }
  readonly http: Omit<HttpListenerOptions, 'host' | 'port'>
}

/** An HTTP listener that also serves connections which others accepted. */
export type LaneBeforeHttp = HttpListener & {
  /** See `AdoptingHttpListener`. */
  adopt: ReturnType<typeof createAdoptingHttpListener>['adopt']
}

/**
 * Listens for HTTP/1.1: the plainest requests for the routes are answered by the lane, everything else by node:http, on
 * the same connection. The handler of `http` must answer the routes as well, for requests of another form.
 *
 * @throws {Error} The address cannot be listened on, with the system's reason.
 */
export async function openLaneBeforeHttp(options: LaneBeforeHttpOptions): Promise<LaneBeforeHttp> {
  const http = createAdoptingHttpListener(options.http)
  try {
    const lane = await openLaneListener({
      ...options.lane,
      limits: { ...sharedLimits(options.http.limits), ...options.lane.limits },
      onError: options.http.onError,
      passOn: (socket, peer) => http.adopt(socket, peer),
    })
    return joined(lane, http)
  } catch (error) {
    await http.close()
    throw error
  }
}

/** What the lane has to know of limits that were given for node:http. */
function sharedLimits(limits: HttpListenerOptions['limits'] = {}): Partial<LaneLimits> {
  const { connectionsMax, concurrentRequestsMax, heldBytesMax, drainTimeoutMs } = limits
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, idleTimeoutMs } = limits
  return {
    ...(connectionsMax !== undefined && { connectionsMax }),
    ...(concurrentRequestsMax !== undefined && { concurrentRequestsMax }),
    ...(heldBytesMax !== undefined && { heldBytesMax }),
    ...(drainTimeoutMs !== undefined && { drainTimeoutMs }),
    ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    ...(keepAliveTimeoutMs !== undefined && { keepAliveTimeoutMs }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
  }
}

function joined(lane: LaneListener, http: ReturnType<typeof createAdoptingHttpListener>): LaneBeforeHttp {
  return {
    get address() {
      return lane.address
    },
    get port() {
      return lane.port
    },
    get runningRequests() {
      return lane.runningRequests + http.runningRequests
    },
    get openConnections() {
      return lane.openConnections
    },
    acceptUpgrades: (handler: UpgradeHandler) => http.acceptUpgrades(handler),
    adopt: (socket, peer: Peer) => http.adopt(socket, peer),
    close: async () => {
      // At the same time: the lane waits for the connections that it passed on, which node:http has to end.
      await Promise.all([lane.close(), http.close()])
    },
  }
}
