import { X509Certificate } from 'node:crypto'
import { addressAllowed } from '../core/keys/address-list.ts'
import type { Settings } from '../settings/settings.ts'
import { distinguishedName } from '../transports/distinguished-name.ts'
import { clientCertIn } from '../transports/http/client-cert.ts'
import type { HttpRequest } from '../transports/http/http-message.ts'

/**
 * The distinguished name in the certificate of the client that sent a request, such as `CN=ada,O=Example`; undefined: it
 * showed none that is good.
 */
export type ClientCertificateOf = (
  request: Pick<HttpRequest, 'address' | 'headers' | 'tls'>,
) => string | undefined

/**
 * Tells whose certificates clients show: on encrypted connections to this server, or in the header `Client-Cert` of a
 * proxy that is trusted (RFC 9440), which has checked it. That of the proxy itself is not the client's.
 */
export function clientCertificateOf(settings: Settings): ClientCertificateOf {
  if (settings['http.tls.clientCertificates'] !== 'optional') return () => undefined
  const trusted = settings['http.trustedProxies']
  return ({ address, headers, tls }) =>
    trusted.length > 0 && addressAllowed(trusted, address)
      ? nameInHeader(headers['client-cert'])
      : tls?.clientName
}

function nameInHeader(header: string | readonly string[] | undefined): string | undefined {
  const certificate = clientCertIn(header)
  if (certificate === undefined) return undefined
  try {
    return distinguishedName(new X509Certificate(certificate))
  } catch {
    return undefined
  }
}
