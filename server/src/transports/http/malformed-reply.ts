/** Whether node:http complains that a request did not arrive in time. */
export function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
}

/** The answer to bad HTTP, whole, after which the connection ends. */
export function malformedReply(error: Error): string {
  const code = 'code' in error ? error.code : undefined
  const status = MALFORMED_STATUS.get(code) ?? '400 Bad Request'
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

const MALFORMED_STATUS: ReadonlyMap<unknown, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', '413 Content Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
])
