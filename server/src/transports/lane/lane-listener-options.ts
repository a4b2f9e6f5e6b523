import type { Socket } from 'node:net'
import { HTTP_LIMITS, type HttpLimits } from '../http/http-listener-options.ts'
import type { Peer } from '../peer.ts'
import type { TlsOptions } from '../tls-server.ts'
import type { LaneReply, LaneRoute } from './lane-message.ts'

/** Every bound of the lane; those of HTTP mean what they mean there. Times in ms, sizes in bytes. */
export type LaneLimits = Pick<
  HttpLimits,
  | 'connectionsMax'
  | 'concurrentRequestsMax'
  | 'heldBytesMax'
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'idleTimeoutMs'
  | 'drainTimeoutMs'
> & {
  /** Longest request line and headers together; requests with longer ones go to node:http. */
  readonly headBytesMax: number
  /** Answers to pipelined requests are written once they are so long; no more is read until the client took them. */
  readonly answersBytesMax: number
}

/** What holds unless the caller says otherwise. */
export const LANE_LIMITS: LaneLimits = {
  connectionsMax: HTTP_LIMITS.connectionsMax,
  concurrentRequestsMax: HTTP_LIMITS.concurrentRequestsMax,
  heldBytesMax: HTTP_LIMITS.heldBytesMax,
  headersTimeoutMs: HTTP_LIMITS.headersTimeoutMs,
  requestTimeoutMs: HTTP_LIMITS.requestTimeoutMs,
  keepAliveTimeoutMs: HTTP_LIMITS.keepAliveTimeoutMs,
  idleTimeoutMs: HTTP_LIMITS.idleTimeoutMs,
  drainTimeoutMs: HTTP_LIMITS.drainTimeoutMs,
  headBytesMax: 8_192,
  answersBytesMax: 65_536,
}

/** Where a lane listens. */
export type LanePlace =
  | {
      readonly host: string
      /** 0 picks a free port. */
      readonly port: number
      /** Other threads listen there as well, and the system spreads connections over all of them. */
      readonly shared: boolean
    }
  /** A Unix socket. */
  | { readonly path: string }

/** What a lane needs. */
export type LaneListenerOptions = {
  readonly place: LanePlace
  readonly routes: readonly LaneRoute[]
  /** Connections are encrypted; absent: they are not. */
  readonly tls?: TlsOptions
  /** The answer while too many requests wait for theirs. */
  readonly overloaded: LaneReply
  /**
   * Takes over a connection for good, when something came that is not for the lane. What was not answered is to be read
   * from the socket, which is paused; all earlier answers are written.
   */
  readonly passOn: (socket: Socket, peer: Peer) => void
  /** Told when a route broke its promise and failed; the client got a bare 500 naming `requestId`. */
  readonly onError: (error: unknown, requestId: string) => void
  /** Overrides of {@link LANE_LIMITS}. */
  readonly limits?: Partial<LaneLimits>
}

/** An open lane. */
export interface LaneListener {
  /** The address as the system names it, and the port really taken; of a Unix socket its path, and 0. */
  readonly address: string
  readonly port: number
  /** Requests that wait for their answer right now. */
  readonly runningRequests: number
  /** Open connections, those that were passed on included. */
  readonly openConnections: number
  /**
   * Stops accepting, ends idle connections, answers running requests with `Connection: close`, and cuts what is left
   * after `drainTimeoutMs`. Resolves when the connections that were passed on have ended too: they are their new
   * owner's to end, meanwhile.
   */
  close(): Promise<void>
}
