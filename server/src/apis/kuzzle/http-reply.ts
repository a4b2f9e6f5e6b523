import { chooseEncoding, encodeBody } from '../../transports/http/compression.ts'
import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { corsHeaders, type Origins } from '../../transports/http/origins.ts'
import type { Route } from './action.ts'
import { type EnvelopeFacts, printForDevelopers } from './envelope.ts'
import type { Answer } from './funnel.ts'
import type { KuzzleError } from './kuzzle-errors.ts'
import type { KuzzleSettings } from './server-facts.ts'

/** Makes HTTP replies. */
export interface Replies {
  /** An answer in its envelope, packed as the client likes. */
  enveloped(request: HttpRequest, answer: Answer, deprecated?: Route['deprecated']): Promise<HttpReply>
  /** An error without envelope: what Kuzzle says before it knows what was asked. */
  bare(request: HttpRequest, error: KuzzleError): HttpReply
}

/** What is refused for now can be asked again soon (RFC 6585 section 4, RFC 9110 section 15.6.4). */
function retryOf(status: number): Readonly<Record<string, string>> {
  return status === 429 || status === 503 ? { 'Retry-After': '1' } : {}
}

/** What replies depend on. */
export type ReplyParts = {
  readonly settings: KuzzleSettings
  readonly envelopes: EnvelopeFacts
  readonly origins: Origins
}

/** Makes replies with the headers that the settings ask for. */
export function createReplies({ settings, envelopes, origins }: ReplyParts): Replies {
  const corsLists = {
    'Access-Control-Allow-Headers': settings.accessControlAllowHeaders,
    'Access-Control-Allow-Methods': settings.accessControlAllowMethods,
  }
  const always = {
    ...corsLists,
    'Accept-Encoding': settings.allowCompression ? 'gzip,deflate,identity' : 'identity',
    'X-Kuzzle-Node': envelopes.node,
    // Answers may hold tokens, and are true only now.
    'Cache-Control': 'no-store',
    ...(settings.cookieAuthentication && { 'Access-Control-Allow-Credentials': 'true' }),
  }

  const corsOf = (request: HttpRequest) => corsHeaders(request.headers, origins)

  return {
    async enveloped(request, { envelope, extras }, deprecated) {
      const shown =
        envelopes.development && deprecated !== undefined
          ? { ...envelope, deprecations: [deprecated] }
          : envelope
      const text = extras.raw?.text ?? printJson(request, shown)
      const accepted = request.headers['accept-encoding']
      const wanted = typeof accepted === 'string' ? accepted : undefined
      const packed =
        chooseEncoding(wanted) === 'identity'
          ? { bytes: text, encoding: 'identity' }
          : await encodeBody(text, wanted)
      return {
        status: envelope.status,
        headers: {
          'content-type': extras.raw?.contentType ?? 'application/json',
          ...always,
          'X-Kuzzle-Request-Id': envelope.requestId,
          'Content-Encoding': packed.encoding,
          ...corsOf(request),
          ...retryOf(envelope.status),
          ...(extras.cookie !== undefined && { 'Set-Cookie': extras.cookie }),
        },
        body: packed.bytes,
      }
    },
    bare(request, error) {
      return {
        status: error.status,
        headers: {
          'Content-Type': 'application/json',
          ...corsLists,
          ...retryOf(error.status),
          ...(origins.all ? { 'Access-Control-Allow-Origin': '*' } : corsOf(request)),
        },
        body: JSON.stringify(printForDevelopers(envelopes, error)),
      }
    },
  }
}

const PRETTY = /(?:^|&)pretty(?:=|&|$)/

function printJson({ query }: HttpRequest, value: unknown): string {
  return query !== '' && PRETTY.test(query) ? JSON.stringify(value, null, 2) : JSON.stringify(value)
}
