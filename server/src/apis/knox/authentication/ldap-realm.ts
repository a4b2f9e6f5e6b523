import { Client, ResultCodeError } from 'ldapts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** How a password check in a directory went. */
export type BindOutcome = 'right' | 'wrong' | 'unavailable'

/** A directory against which passwords are checked. */
export interface LdapRealm {
  /** Binds as that user. Never rejects: a directory that does not answer is an outcome. */
  bind(username: string, password: string): Promise<BindOutcome>
}

/** How long the directory may take for each step, in ms. */
const STEP_MAX_MS = 5_000

/** Binds that run at once; more find the directory unavailable, so that a slow one does not fill the memory. */
export const BINDS_MAX = 200

/** Results of a bind that mean that these credentials are none, and not that the directory is in trouble. */
const WRONG: ReadonlySet<number> = new Set([
  // invalidCredentials, noSuchObject, invalidDNSyntax, inappropriateAuthentication, unwillingToPerform,
  // insufficientAccessRights, namingViolation
  49, 32, 34, 48, 53, 50, 64,
])

const REALM = 'main.ldapRealm'

/** Realms of Knox and Shiro that check a password by a simple bind. */
const DIRECTORY_CLASSES = /\.(?:KnoxLdapRealm|JndiLdapRealm|DefaultLdapRealm)$/

/**
 * Whether the parameters of a `ShiroProvider` name a directory.
 *
 * @throws {TopologyProblem} they name a realm that is not offered: its passwords must not be taken for this server's own.
 */
export function namesDirectory(params: Params, where: string): boolean {
  for (const [name, value] of params) {
    const isRealm = /^main\.[^.]+$/.test(name) && /Realm$/.test(value.trim())
    if (!isRealm || (name === REALM && DIRECTORY_CLASSES.test(value.trim()))) continue
    throw new TopologyProblem(
      `${where}: parameter "${name}" names the realm "${value.trim()}", and only "${REALM}" of the class KnoxLdapRealm is offered`,
    )
  }
  return params.has(REALM) || params.has(`${REALM}.contextFactory.url`)
}

/**
 * The directory that `main.ldapRealm.*` describes, with simple bind.
 *
 * @throws {TopologyProblem} a parameter is missing or asks for another mechanism.
 */
export function createLdapRealm(params: Params, where: string): LdapRealm {
  const url = urlOf(params, where)
  const template = params.get(`${REALM}.userDnTemplate`) ?? ''
  if (!template.includes('{0}')) {
    throw new TopologyProblem(
      `${where}: parameter "${REALM}.userDnTemplate" must hold {0}, where the name belongs`,
    )
  }
  const mechanism = params.get(`${REALM}.contextFactory.authenticationMechanism`) ?? 'simple'
  if (mechanism.trim().toLowerCase() !== 'simple') {
    throw new TopologyProblem(
      `${where}: parameter "${REALM}.contextFactory.authenticationMechanism" is "${mechanism}", and only simple is offered`,
    )
  }
  let running = 0
  return {
    async bind(username, password) {
      // An empty password would be an unauthenticated bind, which succeeds for everybody (RFC 4513 section 5.1.2).
      if (username === '' || password === '') return 'wrong'
      if (running >= BINDS_MAX) return 'unavailable'
      running += 1
      try {
        return await bindOnce(url, template.replaceAll('{0}', escapeDn(username)), password)
      } finally {
        running -= 1
      }
    },
  }
}

async function bindOnce(url: string, dn: string, password: string): Promise<BindOutcome> {
  const client = new Client({ url, timeout: STEP_MAX_MS, connectTimeout: STEP_MAX_MS, strictDN: false })
  try {
    await client.bind(dn, password)
    return 'right'
  } catch (error) {
    return error instanceof ResultCodeError && WRONG.has(error.code) ? 'wrong' : 'unavailable'
  } finally {
    await client.unbind().catch(() => undefined)
  }
}

function urlOf(params: Params, where: string): string {
  const name = `${REALM}.contextFactory.url`
  const text = params.get(name)?.trim() ?? ''
  if (/^ldaps?:\/\/[^\s/?#]+\/?$/i.test(text) && URL.canParse(text)) return text
  throw new TopologyProblem(
    `${where}: parameter "${name}" is "${text}", and must be of the form ldap://host:port`,
  )
}

/** A name as the value of an attribute in a distinguished name (RFC 4514 section 2.4). */
export function escapeDn(value: string): string {
  return [...value]
    .map((character, index, all) => {
      const isEdge = index === 0 || index === all.length - 1
      if (character === '\0') return '\\00'
      if ('"+,;<>\\='.includes(character)) return `\\${character}`
      if ((character === ' ' && isEdge) || (character === '#' && index === 0)) return `\\${character}`
      return character
    })
    .join('')
}
