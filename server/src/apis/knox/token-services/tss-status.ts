import type { HttpReply } from '../../../transports/http/http-message.ts'
import { jsonReply } from './life-cycle-reply.ts'
import { printLifetime } from './lifespan.ts'
import type { TokenSettings } from './token-settings.ts'

/** What this server answers for the store of Knox that it stands for: one that lasts. */
const BACKEND = 'JDBCTokenStateService'

/** `getTssStatus`: what pages that generate tokens want to know first. Every value is a text. */
export function tssStatusReply(
  { ttlMs, lifespanAllowed, allowedBackends }: TokenSettings,
  { managed, impersonation }: { readonly managed: boolean; readonly impersonation: boolean },
): HttpReply {
  const common: [string, string][] = [
    ['lifespanInputEnabled', String(lifespanAllowed)],
    ['impersonationEnabled', String(impersonation)],
  ]
  const members: [string, string][] = managed
    ? [
        ['tokenManagementEnabled', 'true'],
        ['maximumLifetimeText', printLifetime(ttlMs)],
        ['maximumLifetimeSeconds', ttlMs === undefined ? '-1' : String(Math.trunc(ttlMs / 1_000))],
        ...common,
        ['configuredTssBackend', BACKEND],
        ['allowedTssForTokengen', String(allowedBackends === undefined || allowedBackends.includes(BACKEND))],
        ['actualTssBackend', BACKEND],
      ]
    : [['tokenManagementEnabled', 'false'], ...common]
  const lines = members.map(([name, value]) => `  ${JSON.stringify(name)} : ${JSON.stringify(value)}`)
  return jsonReply(200, `{\n${lines.join(',\n')}\n}`)
}
