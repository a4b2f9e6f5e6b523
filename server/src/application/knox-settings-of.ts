import type { NameTrust } from '../core/keys/api-key.ts'
import type { Settings } from '../settings/settings.ts'
import { StartError } from './start-error.ts'

/** Texts for `${ALIAS=name}` in topology files, by name. */
export type Aliases = ReadonlyMap<string, string>

/** What the settings say of Knox's services. */
export type KnoxSettings = {
  readonly gatewayPath: string
  /** Folder of topology files; undefined: there is a built-in topology. */
  readonly folder: string | undefined
  readonly proxiedRoles: readonly string[]
  readonly aliases: Aliases
  /** What Knox's alias `gateway.signing.hmac.secret` says. */
  readonly hmacSecret: Uint8Array | undefined
  readonly administrators: { readonly users: readonly string[]; readonly groups: readonly string[] }
  /** Which users of this server may be meant by names that a directory or proxy vouches for. */
  readonly nameTrust: NameTrust
  /** Whether certificates of clients are looked at. */
  readonly certificatesCount: boolean
  readonly perUserMax: number
  readonly seeingAll: readonly string[]
  readonly issuesByGet: boolean
  readonly uniformRefusals: boolean
  readonly signingKeyLifeMs: number
  readonly signingKeyKnownForMs: number
}

/** The settings of Knox's services. @throws {StartError} one of them cannot be understood. */
export function knoxSettingsOf(settings: Settings): KnoxSettings {
  const gatewayPath = settings['knox.gatewayPath']
  if (!/^[A-Za-z0-9_.-]+$/.test(gatewayPath) || TAKEN.includes(gatewayPath)) {
    throw new StartError(
      `Cannot start: the setting knox.gatewayPath is "${gatewayPath}", and must be one segment of a path that is not taken: letters, digits, "_", "." and "-"`,
    )
  }
  const aliases = aliasesOf(settings['knox.aliases']?.())
  const hmacSecret = aliases.get('gateway.signing.hmac.secret')
  return {
    gatewayPath,
    folder: settings['knox.topologies'],
    proxiedRoles: settings['knox.proxiedRoles'],
    aliases,
    hmacSecret: hmacSecret === undefined ? undefined : Buffer.from(hmacSecret),
    administrators: { users: settings['knox.adminUsers'], groups: settings['knox.adminGroups'] },
    nameTrust: settings['knox.namesAreUsers'],
    certificatesCount: settings['http.tls.clientCertificates'] === 'optional',
    perUserMax: settings['knox.tokensPerUser'],
    seeingAll: settings['knox.usersSeeingAllTokens'],
    issuesByGet: settings['knox.issueByGet'],
    uniformRefusals: settings['knox.uniformRefusals'],
    signingKeyLifeMs: settings['knox.signingKeyLife'],
    signingKeyKnownForMs: settings['knox.signingKeyKnownFor'],
  }
}

/** First segments of paths of other APIs. */
const TAKEN = ['v1', 'metrics', 'livez', 'readyz', '.well-known', '.', '..']

/** Lines `name=value`. */
function aliasesOf(text: string | undefined): Aliases {
  const aliases = new Map<string, string>()
  for (const line of (text ?? '').split(/[\r\n;]+/).filter((each) => each.trim() !== '')) {
    const at = line.indexOf('=')
    if (at <= 0) {
      // The line may hold a secret.
      throw new StartError('Cannot start: the setting knox.aliases must hold lines of the form name=value')
    }
    aliases.set(line.slice(0, at).trim(), line.slice(at + 1))
  }
  return aliases
}
