import type { RunningServer } from './running-server.ts'
import { ADMIN } from './running-server.ts'

/** One answer of the API under `/v1`. */
export type NativeAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member
  readonly body: any
}

/** What a request says besides its route. */
export type NativeOptions = {
  readonly token?: string | undefined
  /** As JSON; a text is sent as it is. */
  readonly body?: unknown
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Sends one request as curl would. */
export async function askNative(
  server: Pick<RunningServer, 'url'>,
  method: string,
  path: string,
  { token, body, form, headers, signal }: NativeOptions = {},
): Promise<NativeAnswer> {
  const sent = form === undefined ? printBody(body) : new URLSearchParams(form).toString()
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(sent !== undefined && { 'content-type': type }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(sent !== undefined && { body: sent }),
    ...(signal !== undefined && { signal }),
  })
  const text = await response.text()
  const isJson = /\bjson$/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== '' ? JSON.parse(text) : undefined,
  }
}

function printBody(body: unknown): string | undefined {
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
}

/** Creates the first administrator through `/v1` alone and answers a session token of it. */
export async function createNativeAdmin(server: Pick<RunningServer, 'url'>): Promise<string> {
  await askNative(server, 'POST', '/v1/first-admin', { body: ADMIN })
  const { body } = await askNative(server, 'POST', '/v1/login', { body: ADMIN })
  return body.token
}
