import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { MeteredConnection } from '../held-bytes.ts'
import type { Peer } from '../peer.ts'
import type { StreamedBody } from './request-stream.ts'

/** What the HTTP listener remembers of a connection. */
export type ConnectionState = Peer &
  MeteredConnection & {
    readonly socket: Socket
    /** Requests not yet answered. */
    running: number
    /** More requests came than may run at once: it ends after the answers to those that run. */
    isOverrun: boolean
    /** A request that was refused together with all that follows it. */
    refused: IncomingMessage | undefined
    /** The request that came last. */
    latest: IncomingMessage | undefined
    /** The last request whose body is passed on as it comes. */
    streamed: IncomingMessage | undefined
    /** Answers of which a part was sent. */
    streaming: number
    /** Called when the connection is over; at most two for each request that is running. */
    readonly whenGone: Set<() => void>
  }

/** A connection on which nothing came yet. */
export function createConnectionState(socket: Socket, peer: Peer): ConnectionState {
  return {
    ...peer,
    socket,
    running: 0,
    isOverrun: false,
    refused: undefined,
    latest: undefined,
    streamed: undefined,
    streaming: 0,
    whenGone: new Set(),
    heldBytes: 0,
  }
}

/** One request on its way to an answer. */
export type Exchange = {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly state: ConnectionState
  /** The client waits for "100 Continue" before it sends the body. */
  continueOwed: boolean
  /** What of its connection's `heldBytes` is kept for it, until the answer is sent. */
  heldBytes: number
  /** Its body, when it is passed on as it comes. */
  body: StreamedBody | undefined
  /** Forgets whom to tell when the connection is over. */
  forget: (() => void) | undefined
}

/** An exchange of which nothing was done yet. */
export function createExchange(
  incoming: IncomingMessage,
  response: ServerResponse,
  state: ConnectionState,
): Exchange {
  return {
    incoming,
    response,
    state,
    continueOwed: false,
    heldBytes: 0,
    body: undefined,
    forget: undefined,
  }
}
