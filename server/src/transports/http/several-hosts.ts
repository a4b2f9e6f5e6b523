import type { IncomingMessage } from 'node:http'

/**
 * True when a request names its host more than once, of which node:http shows the first and servers behind or before us
 * may believe another: RFC 9112 section 3.2 wants a 400.
 */
export function hasSeveralHosts({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  let isNamed = false
  // Names and values take turns.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length !== HOST.length || name.toLowerCase() !== HOST) continue
    if (isNamed) return true
    isNamed = true
  }
  return false
}

const HOST = 'host'
