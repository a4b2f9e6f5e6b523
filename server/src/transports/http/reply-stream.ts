import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

/** What the sender of a stream tells, and asks for. */
export type StreamSending = {
  /** Bytes that were announced; undefined: none were. */
  readonly length: number | undefined
  /** So many bytes wait now for a client that does not take them; 0: none. */
  readonly held: (bytes: number) => void
  /** Called once all of it was given to the response; ends the response. */
  readonly end: () => void
  /** Called once instead: the stream failed, was not as long as announced, or the client is gone. */
  readonly broken: (error: Error) => void
}

/**
 * Sends a stream as the body of a reply whose head was written, no faster than the client takes it. The stream is
 * destroyed when it cannot be sent.
 *
 * Answers how to stop, for when the connection is gone; nothing is called back any more then but `held`.
 */
export function sendStream(response: ServerResponse, source: Readable, sending: StreamSending): () => void {
  let sent = 0
  let isSettled = false
  const settle = (): void => {
    isSettled = true
    source.off('data', take).off('end', finish).off('close', breakOff)
    response.off('drain', resume)
    sending.held(0)
  }
  const fail = (error: Error): void => {
    if (isSettled) return
    settle()
    source.destroy()
    sending.broken(error)
  }
  const take = (chunk: Uint8Array): void => {
    sent += chunk.length
    if (sending.length !== undefined && sent > sending.length) {
      return void fail(wrongLength(sent, sending.length))
    }
    if (response.write(chunk)) return
    source.pause()
    sending.held(response.writableLength)
  }
  const resume = (): void => {
    sending.held(0)
    source.resume()
  }
  const finish = (): void => {
    if (isSettled) return
    if (sending.length !== undefined && sent !== sending.length)
      return void fail(wrongLength(sent, sending.length))
    settle()
    sending.end()
  }
  const breakOff = (): void => fail(new Error('Cannot send the stream on: it ended before its end'))
  // Stays on after the end: a stream may fail as long as it lives, and nobody else would hear of it.
  source.on('error', fail)
  response.on('drain', resume)
  // Later, as whoever calls knows nothing of this stream yet.
  if (source.readableEnded) process.nextTick(finish)
  else if (source.destroyed) process.nextTick(breakOff)
  else source.on('data', take).on('end', finish).on('close', breakOff)
  return () => {
    if (isSettled) return
    settle()
    source.destroy()
  }
}

function wrongLength(sent: number, announced: number): Error {
  const amount = sent > announced ? 'more' : `only ${sent}`
  return new Error(`Cannot send the stream on: ${announced} bytes were announced, and ${amount} came`)
}
