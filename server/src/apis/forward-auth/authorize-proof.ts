import { hash } from 'node:crypto'
import type { ShownDpop, ShownProof } from '../../core/keys/verdict.ts'
import { clientCertIn } from '../../transports/http/client-cert.ts'
import { isHost } from '../../transports/http/host.ts'
import type { LaneRequest } from '../../transports/lane/lane-message.ts'

type Headers = LaneRequest['headers']

/** Whether a request says that its client showed more than a key. */
export function hasProof(headers: Headers): boolean {
  return headers['dpop'] !== undefined || headers['client-cert'] !== undefined
}

/**
 * What a proxy that is trusted says that the client showed beside its key: a certificate, which the proxy has checked, in
 * `Client-Cert` (RFC 9440), and a DPoP proof in `DPoP`, with the method and URL of the original request in
 * `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`. What is there twice, or not in whole, was not shown.
 */
export function proofIn(headers: Headers, certificates: 'count' | undefined): ShownProof {
  const certificate = certificates === 'count' ? clientCertIn(headers['client-cert']) : undefined
  const dpop = dpopIn(headers)
  return {
    ...(certificate !== undefined && { x5tS256: hash('sha256', certificate, 'base64url') }),
    ...(dpop !== undefined && { dpop }),
  }
}

function dpopIn(headers: Headers): ShownDpop | undefined {
  const { dpop: proof, 'x-forwarded-method': method } = headers
  const { 'x-forwarded-proto': scheme, 'x-forwarded-host': host, 'x-forwarded-uri': target } = headers
  if (typeof proof !== 'string' || typeof method !== 'string') return undefined
  if (typeof scheme !== 'string' || typeof host !== 'string' || typeof target !== 'string') return undefined
  // What else could stand there would be taken for a part of the path.
  return isHost(host) && TARGET.test(target)
    ? { proof, method, url: `${scheme}://${host}${target}` }
    : undefined
}

/** Path and query; there is a space where several were joined, of which the client may have sent the first. */
const TARGET = /^\/[\x21-\x7e]*$/
