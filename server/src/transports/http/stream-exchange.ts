import type { Exchange } from './exchange.ts'
import { sendableFields } from './field-lines.ts'
import type { HttpReply, RequestStream, StreamLimits } from './http-message.ts'
import { sendStream } from './reply-stream.ts'
import { announcedLength, StreamedBody } from './request-stream.ts'
import type { StreamedBodyPlan, StreamedReply } from './write-reply.ts'

/** Opens the body of a request for who passes it on. `beforeReading` is called before the first byte is asked for. */
export function openRequestStream(
  exchange: Exchange,
  { bytesMax, silenceMsMax }: StreamLimits,
  beforeReading: () => void,
): RequestStream {
  const { incoming, state } = exchange
  const body = new StreamedBody(incoming, { bytesMax, beforeReading })
  exchange.body = body
  state.streamed = incoming
  state.socket.setTimeout(silenceMsMax)
  const gone = new AbortController()
  const tell = (): void => gone.abort()
  if (state.socket.destroyed) tell()
  else state.whenGone.add(tell)
  exchange.forget = () => state.whenGone.delete(tell)
  return {
    body,
    length: announcedLength(incoming),
    gone: gone.signal,
    trailers: () => incoming.rawTrailers,
    inform: (status, headers) => inform(exchange, status, headers),
  }
}

function inform({ incoming, response }: Exchange, status: number, headers: HttpReply['headers']): void {
  const { socket } = response
  // It is worth no memory: who does not take it at once goes without. Without a socket an earlier answer is not sent yet.
  if (socket === null || socket.destroyed || socket.writableNeedDrain) return
  if (incoming.httpVersion !== '1.1' || response.headersSent) return
  // Node.js before 24.18 does not know how.
  if (!('writeInformation' in response)) return
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [name, value] : value.flatMap((each) => [name, each]),
  )
  response.writeInformation(status, sendableFields(lines).flat())
}

const NOTHING = new Uint8Array(0)

/** What the listener does for a streamed reply. */
export type StreamedReplyOwner = {
  /** More, or fewer bytes are kept for the exchange. */
  readonly hold: (bytes: number) => void
  /** Ends the response, of which all was written. */
  readonly end: () => void
  /** Called once when nothing more happens, before `end` when all went well. */
  readonly settled: () => void
}

/** Sends the body of a reply whose head was written; a broken one cuts the connection. */
export function sendReplyStream(
  { incoming, response, state }: Exchange,
  reply: StreamedReply,
  { length, isChunked }: StreamedBodyPlan,
  owner: StreamedReplyOwner,
): void {
  // The client shall know at once that there is an answer; its first byte may be long in coming.
  // `flushHeaders` would send them in UTF-8; they are bytes, one for each character.
  response.write(NOTHING)
  state.streaming += 1
  let held = 0
  const settle = (): void => {
    state.whenGone.delete(giveUp)
    state.streaming -= 1
    owner.settled()
  }
  const stop = sendStream(response, reply.body, {
    length,
    held: (bytes) => {
      owner.hold(bytes - held)
      held = bytes
    },
    end: () => {
      settle()
      if (isChunked) response.addTrailers(sendableFields(reply.trailers?.lines() ?? []))
      owner.end()
    },
    broken: () => {
      settle()
      // Without chunks only a reset tells such a client that something is missing (RFC 9112 section 8).
      // An encrypted connection that ends without saying so tells it as well, and cannot be reset.
      const isPlain = state.tls === undefined && state.socket.remoteAddress !== undefined
      if (incoming.httpVersion === '1.0' && isPlain) {
        state.socket.resetAndDestroy()
      } else response.destroy()
    },
  })
  const giveUp = (): void => {
    stop()
    settle()
  }
  if (state.socket.destroyed) giveUp()
  else state.whenGone.add(giveUp)
}
