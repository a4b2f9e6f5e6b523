import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { Body, BodyProblem } from './http-message.ts'

/** Bounds of one body: bytes as received, and after each encoding undone; and how many encodings there may be. */
export type BodyLimits = { readonly bytesMax: number; readonly encodingsMax: number }

/** Who wants to know how far the reading of a body is. */
export type BodyObserver = {
  /** Called once when reading really starts. */
  readonly beforeReading: () => void
  /** Called for each piece that is kept in memory. */
  readonly held: (bytes: number) => void
}

/**
 * Reads and decodes the body of a request. Never rejects: what went wrong is an answer too.
 *
 * Refuses what is announced to be too long, or encoded in a way we do not undo, before reading any of it.
 */
export async function readRequestBody(
  incoming: IncomingMessage,
  limits: BodyLimits,
  observer: BodyObserver,
): Promise<Body> {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  if (announced > limits.bytesMax) {
    return refuse('too_large', `Content-Length is ${announced} bytes, and ${limits.bytesMax} is the limit`)
  }
  const encodings = contentEncodings(incoming.headers['content-encoding'])
  if (encodings.length > limits.encodingsMax) {
    const detail = `${encodings.length} content encodings, and ${limits.encodingsMax} is the limit`
    return refuse('too_many_encodings', detail)
  }
  const unknown = encodings.find((encoding) => !DECODERS.has(encoding))
  if (unknown !== undefined) return refuse('unsupported_encoding', unknown.slice(0, DETAIL_LENGTH_MAX))
  if (!hasBody(incoming)) return EMPTY

  observer.beforeReading()
  let body = await collect(incoming, limits.bytesMax, observer.held)
  for (const encoding of encodings.reverse()) {
    if (!body.ok) return body
    body = await decode(body.bytes, encoding, limits.bytesMax)
    if (body.ok) observer.held(body.bytes.length)
  }
  return body
}

/** True when the headers announce a body, be it an unfinished one. */
export function hasBody(incoming: IncomingMessage): boolean {
  const length = incoming.headers['content-length']
  return (length !== undefined && length !== '0') || incoming.headers['transfer-encoding'] !== undefined
}

const EMPTY: Body = { ok: true, bytes: new Uint8Array(0) }

const DETAIL_LENGTH_MAX = 64

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>

const DECODERS: ReadonlyMap<string, Decoder | undefined> = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['identity', undefined],
])

function contentEncodings(header: string | undefined): string[] {
  if (header === undefined) return []
  return header
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '')
}

function collect(incoming: IncomingMessage, bytesMax: number, held: BodyObserver['held']): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const settle = (body: Body): void => {
      incoming.off('data', take).off('end', finish).off('error', abort).off('close', abort)
      resolve(body)
    }
    const take = (chunk: Uint8Array): void => {
      length += chunk.length
      if (length <= bytesMax) {
        chunks.push(chunk)
        held(chunk.length)
        return
      }
      incoming.pause()
      settle(refuse('too_large', `more than ${bytesMax} bytes, which is the limit`))
    }
    const finish = (): void => settle({ ok: true, bytes: joined(chunks) })
    const abort = (): void => settle(refuse('aborted', 'the client went away before the end of the body'))
    if (incoming.destroyed) return abort()
    incoming.on('data', take).on('end', finish).on('error', abort).on('close', abort)
  })
}

async function decode(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Body> {
  const decoder = DECODERS.get(encoding)
  if (decoder === undefined) return { ok: true, bytes }
  try {
    // zlib stops at this length, so that a small body cannot fill the memory (RFC 9110 section 8.4, "zip bomb").
    const decoded = await decoder(bytes, { maxOutputLength: Math.max(bytesMax, 1) })
    return { ok: true, bytes: decoded }
  } catch (error) {
    return isOutputTooLarge(error)
      ? refuse('too_large', `more than ${bytesMax} bytes once decoded, which is the limit`)
      : refuse('corrupt', `the body is not valid ${encoding}`)
  }
}

function isOutputTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

function refuse(problem: BodyProblem, detail: string): Body {
  return { ok: false, problem, detail }
}
