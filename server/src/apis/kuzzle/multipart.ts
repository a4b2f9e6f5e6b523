import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { KuzzleError } from './kuzzle-errors.ts'

/** Bounds of one form, beside the size of its parts. */
export const FORM_LIMITS = { parts: 200, fieldNameSize: 256, headerPairs: 20, headerSize: 8_192 } as const

/**
 * Reads a multipart form: fields as texts, files as `{encoding, file, filename}` with `file` in base64.
 *
 * @throws {KuzzleError} `network.http.file_too_large` for a part beyond `partBytesMax`,
 *   `network.http.unexpected_error` for what is no form.
 */
export function parseMultipart(
  bytes: Uint8Array,
  contentType: string,
  partBytesMax: number,
): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const members = new Map<string, JsonValue>()
    let refusal: KuzzleError | undefined
    const refuse = (error: KuzzleError): void => {
      refusal ??= error
    }
    const finish = (): void => {
      if (refusal === undefined) resolve(Object.fromEntries(members))
      else reject(refusal)
    }
    const form = openForm(contentType, partBytesMax)
    form.on('field', (name, value, nameTruncated, valueTruncated) => {
      if (nameTruncated || valueTruncated) refuse(tooLarge())
      members.set(name, value)
    })
    form.on('file', (name, stream, filename, encoding) => {
      stream.on('limit', () => refuse(tooLarge()))
      // A file that ends too early fails on its own; nobody listening, that would end the process.
      stream.on('error', (error) => refuse(malformed(error.message)))
      collect(stream, (file) => members.set(name, { encoding, file, filename: filename ?? null }))
    })
    form.on('partsLimit', () => refuse(malformed(`more than ${FORM_LIMITS.parts} parts`)))
    form.on('error', (error) => {
      refuse(malformed(error instanceof Error ? error.message : 'not a form'))
      finish()
    })
    form.on('finish', finish)
    form.end(bytes)
  })
}

function openForm(contentType: string, partBytesMax: number): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: { ...FORM_LIMITS, fieldSize: partBytesMax, fileSize: partBytesMax },
    })
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : 'not a form')
  }
}

function collect(stream: BusboyFileStream, done: (base64: string) => void): void {
  const chunks: Uint8Array[] = []
  stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  stream.on('end', () => done(Buffer.concat(chunks).toString('base64')))
}

function tooLarge(): KuzzleError {
  return new KuzzleError('network.http.file_too_large')
}

function malformed(detail: string): KuzzleError {
  return new KuzzleError('network.http.unexpected_error', [detail])
}
