import { tokenPlacesOf } from '../authentication/presented-token.ts'
import type { Topology } from '../topology.ts'

/** What of a request proves who asks, and is for nobody behind. Names in lower case, but those of parameters. */
export type CredentialPlaces = {
  readonly headers: readonly string[]
  readonly cookies: readonly string[]
  /** Names of parameters of the query string, as written. */
  readonly isParameter: (name: string) => boolean
}

/** In any topology: our own, and those of Knox. */
const HEADERS = ['authorization', 'proxy-authorization', 'x-api-key']
const COOKIES = ['authtoken', 'hadoop-jwt', 'knoxsessionid']

/** Say for whom something is done: what is behind must believe nobody but this server. In lower case. */
const PARAMETERS = ['doas', 'user.name']

/** Tokens of an exchange, when that is what authenticates (RFC 8693). */
const EXCHANGE_PARAMETERS = ['subject_token', 'actor_token', 'client_secret']

/** Where the providers of a topology find credentials and names. */
export function credentialPlacesOf({ providers }: Topology): CredentialPlaces {
  const headers = [...HEADERS]
  const cookies = [...COOKIES]
  const parameters: string[] = []
  const scrubbed = [...PARAMETERS]
  const listOf = (text: string | undefined) =>
    (text ?? '')
      .split(',')
      .map((part) => part.trim().toLowerCase())
      .filter((part) => part !== '')
  for (const { name, params } of providers) {
    if (name === 'JWTProvider') {
      const { cookie, queryParameter } = tokenPlacesOf(params)
      if (cookie !== undefined) cookies.push(cookie.toLowerCase())
      if (queryParameter !== undefined) parameters.push(queryParameter)
      parameters.push(...EXCHANGE_PARAMETERS)
    }
    if (name === 'HeaderPreAuth') {
      headers.push((params.get('preauth.custom.header') ?? 'SM_USER').trim().toLowerCase())
      headers.push(...listOf(params.get('preauth.custom.group.header')))
    }
    if (name === 'RemoteAuthProvider') {
      headers.push(...listOf(params.get('remote.auth.include.headers')))
      headers.push(...listOf(params.get('remote.auth.cache.key')))
    }
    scrubbed.push(...listOf(params.get('impersonation.params')))
  }
  return {
    headers,
    cookies,
    isParameter: (name) => parameters.includes(name) || scrubbed.includes(name.toLowerCase()),
  }
}
