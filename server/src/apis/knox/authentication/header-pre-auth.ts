import { isAddressOf } from '../authorization/acls.ts'
import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Provider } from '../topology.ts'

/** Longest name, or list of groups, that a proxy may send. */
const HEADER_LENGTH_MAX = 8_192

/**
 * `HeaderPreAuth`: a proxy in front has authenticated the caller and sends its name, and perhaps its groups, in headers.
 *
 * With `preauth.ip.validation` only proxies at these addresses are believed; it is the address of the connection that
 * counts. Without it everybody who can reach this topology can be anybody, as in Knox.
 *
 * @throws {TopologyProblem} the validation is not offered, or lists no addresses.
 */
export function createHeaderPreAuth({ params }: Provider, where: string): Authenticator {
  const nameHeader = (params.get('preauth.custom.header') ?? 'SM_USER').trim().toLowerCase()
  const groupHeaders = listOf(params.get('preauth.custom.group.header')).map((name) => name.toLowerCase())
  const isBelieved = validationOf(
    params.get('preauth.validation.method') ?? '',
    params.get('preauth.ip.addresses'),
    where,
  )
  return ({ http }) => {
    if (!isBelieved(http.address)) throw new KnoxRefusal(403, 'SSO Validation Failure.')
    const name = headerValue(http.headers[nameHeader])
    if (name === undefined) {
      throw new KnoxRefusal(403, 'Missing Required Header for PreAuth SSO Federation')
    }
    const groups = groupHeaders.flatMap((header) => listOf(headerValue(http.headers[header])))
    return Promise.resolve({ name, groups: [...new Set(groups)] })
  }
}

function validationOf(
  method: string,
  addresses: string | undefined,
  where: string,
): (address: string) => boolean {
  const methods = listOf(method)
  const unknown = methods.find(
    (each) => !['preauth.default.validation', 'preauth.ip.validation'].includes(each),
  )
  if (unknown !== undefined) {
    throw new TopologyProblem(
      `${where}: parameter "preauth.validation.method" names "${unknown}", which is not offered`,
    )
  }
  if (!methods.includes('preauth.ip.validation')) return () => true
  const allowed = listOf(addresses)
  if (allowed.length === 0) {
    throw new TopologyProblem(`${where}: parameter "preauth.ip.addresses" lists no addresses to believe`)
  }
  return (address) => allowed.includes('*') || isAddressOf(address, allowed)
}

/** A header that came twice is not chosen from. */
function headerValue(value: string | readonly string[] | undefined): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  return text === '' || text.length > HEADER_LENGTH_MAX ? undefined : text
}

function listOf(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}
