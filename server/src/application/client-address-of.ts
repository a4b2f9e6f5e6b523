import { isAddressRange } from '../core/keys/address-list.ts'
import { clientAddress } from '../core/keys/client-address.ts'
import type { Settings } from '../settings/settings.ts'
import type { HttpRequest } from '../transports/http/http-message.ts'
import { StartError } from './start-error.ts'

/** The address of the client that sent a request, also behind proxies; undefined: unknown. */
export type ClientAddressOf = (request: Pick<HttpRequest, 'address' | 'headers'>) => string | undefined

/** Tells clients' addresses as the settings want it. @throws {StartError} when a trusted proxy is none. */
export function clientAddressOf(settings: Settings): ClientAddressOf {
  const trusted = settings['http.trustedProxies']
  const wrong = trusted.filter((range) => !isAddressRange(range))
  if (wrong.length > 0) {
    const lines = wrong.map((range) => `  http.trustedProxies: "${range}" is no address or network`)
    throw new StartError(`Cannot start with these settings:\n${lines.join('\n')}`)
  }
  return ({ address, headers }) => clientAddress(address, joined(headers['x-forwarded-for']), trusted)
}

function joined(header: string | readonly string[] | undefined): string | undefined {
  return header === undefined || typeof header === 'string' ? header : header.join(', ')
}
