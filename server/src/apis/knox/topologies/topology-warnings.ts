import { serviceParams } from '../service-params.ts'
import { canonicalNames } from '../token-services/certificate-name.ts'
import type { Topology, TopologyService } from '../topology.ts'

/** Token services with parameters of their own, by role. */
const PREFIXES: Readonly<Record<string, string>> = { APIKEY: 'apikey', CLIENTID: 'clientid' }

const PARAMETER = 'knox.token.'

/** Parameters of token services that count for keys, without `knox.token.`. */
const COUNTING = [
  'ttl',
  'exp.server-managed',
  'limit.per.user',
  'user.limit.exceeded.action',
  'exp.renew-interval',
  'exp.max-lifetime',
  'renewer.whitelist',
  'renewer.group.whitelist',
  'client.cert.required',
  'allowed.principals',
  'include.groups.allowed',
  'lifespan.input.enabled',
  'exp.tokengen.allowed.tss.backends',
]

/** Those that only say what a JSON Web Token looks like, which keys are not. */
const OF_JWTS = [
  'audiences',
  'target.url',
  'client.data',
  'target.endpoint.cert.pem',
  'sigalg',
  'type',
  'issuer',
  'enable.delegated.auth',
]

/** What has no effect, or not the one that whoever wrote a topology had in mind, one sentence each: all of it is accepted. */
export function topologyWarnings(topology: Topology, certificatesCount: boolean): readonly string[] {
  const { file } = topology
  return [
    ...topology.services.flatMap((service) => ownParameterWarnings(service, file)),
    ...topology.services.flatMap(({ role }) =>
      certificateWarnings(topology, role, { file, certificatesCount }),
    ),
  ]
}

function ownParameterWarnings({ role, params }: TopologyService, file: string): readonly string[] {
  return [...params.keys()].flatMap((name) => {
    const prefix = Object.values(PREFIXES).find((each) => name.startsWith(`${each}.${PARAMETER}`))
    if (prefix === undefined) return []
    const bare = name.slice(prefix.length + 1 + PARAMETER.length)
    const where = `${file}: service "${role}": parameter "${name}"`
    if (OF_JWTS.includes(bare)) return [`${where} has no effect: keys are no JSON Web Tokens`]
    return COUNTING.includes(bare) ? [] : [`${where} is not known, and has no effect`]
  })
}

/** What is as it should be and yet easily overlooked: all services of a topology share their parameters. */
export function topologyNotes(topology: Topology): readonly string[] {
  return topology.services.flatMap(({ role }) => neighbourNotes(topology, role))
}

function neighbourNotes(topology: Topology, role: string): readonly string[] {
  const prefix = PREFIXES[role]
  if (prefix === undefined) return []
  const params = serviceParams(topology, role, prefix)
  return COUNTING.flatMap((name) => {
    const source = params.sourceOf(PARAMETER + name)
    const isOwn = source === undefined || source.endsWith(`of service "${role}"`)
    return isOwn ? [] : [`${topology.file}: service "${role}" uses parameter ${source}`]
  })
}

function certificateWarnings(
  topology: Topology,
  role: string,
  { file, certificatesCount }: { readonly file: string; readonly certificatesCount: boolean },
): readonly string[] {
  if (role !== 'KNOXTOKEN' && PREFIXES[role] === undefined) return []
  const params = serviceParams(topology, role, PREFIXES[role])
  if (params.get(`${PARAMETER}client.cert.required`)?.trim().toLowerCase() !== 'true') return []
  const issuesNothing = `${file}: service "${role}" issues nothing: it requires certificates of clients, and`
  if (!certificatesCount) {
    return [`${issuesNothing} none count as long as the setting http.tls.clientCertificates is off`]
  }
  const names = canonicalNames(params.get(`${PARAMETER}allowed.principals`) ?? '')
  return names.length > 0 ? [] : [`${issuesNothing} "${PARAMETER}allowed.principals" names nobody`]
}
