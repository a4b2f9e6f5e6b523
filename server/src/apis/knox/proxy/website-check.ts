import type { HttpRequest } from '../../../transports/http/http-message.ts'
import { originOf } from '../../../transports/http/origins.ts'
import { KnoxRefusal } from '../knox-request.ts'

/**
 * Refuses a WebSocket that a page of another website opens with what a browser sends by itself: cookies, and passwords
 * that it remembers. Browsers ask nobody before they open one, and show the page all that comes.
 *
 * @throws {KnoxRefusal}
 */
export function refuseForeignWebsite({ headers }: HttpRequest): void {
  const origin = originOf(headers)
  if (origin === undefined || isShownOnPurpose(headers)) return
  const { host } = headers
  const isOwn = typeof host === 'string' && (origin === `http://${host}` || origin === `https://${host}`)
  if (!isOwn) throw new KnoxRefusal(403, 'A page of another website cannot open this WebSocket')
}

/** No browser sends these unless a program says so, which it cannot for WebSockets. */
function isShownOnPurpose({ authorization, 'x-api-key': key }: HttpRequest['headers']): boolean {
  return key !== undefined || (typeof authorization === 'string' && /^bearer /i.test(authorization))
}
