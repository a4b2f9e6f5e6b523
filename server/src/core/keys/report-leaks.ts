import type { Actor } from '../access/caller.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { LeakAction } from '../core-settings.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { ApiKey, FoundKey } from './api-key.ts'
import { fingerprintOfAny } from './check-key.ts'
import { disable } from './disable-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { parseKeyToken } from './key-token.ts'
import { DEFAULT_KEYSPACE } from './keyspaces.ts'
import { lookUpToken } from './look-up-token.ts'
import { endKey } from './revoke-key.ts'
import { revokeToken } from './revoke-token.ts'

/** Somebody found this where everybody can read it: a token, or only the SHA-256 of one. */
export type LeakReport = ({ readonly token: string } | { readonly fingerprint: Fingerprint }) & {
  /** Who says so, such as `github`. */
  readonly reporter: string
  /** Where it was found. */
  readonly url?: string
}

/** What became of a report. */
export type LeakFinding = {
  readonly fingerprint: Fingerprint
  /** Whether it is, or was lately, a token of this server. */
  readonly known: boolean
  /** Of the key; absent for sessions, and where nothing is known. */
  readonly key?: { readonly id: KeyId; readonly owner: UserId }
  /** What was done about it; `none`: it was good for nothing any more, or nothing is known. */
  readonly done: 'none' | 'noted' | 'disabled' | 'revoked'
}

/** Reports that are dealt with at the same time. */
const AT_ONCE = 16

/**
 * Does with each reported token what `leakActions` says: only notes it, disables its key, or revokes it for
 * `keyCompromise`. Each that is known leaves an audit event, whatever is done. In the order of the reports.
 */
export async function reportLeaks(
  context: Context,
  by: Actor,
  reports: readonly LeakReport[],
): Promise<readonly LeakFinding[]> {
  const findings: LeakFinding[] = []
  for (let start = 0; start < reports.length; start += AT_ONCE) {
    const batch = reports.slice(start, start + AT_ONCE)
    findings.push(...(await Promise.all(batch.map((report) => dealWith(context, by, report)))))
  }
  return findings
}

async function dealWith(context: Context, by: Actor, report: LeakReport): Promise<LeakFinding> {
  const fingerprint = 'token' in report ? fingerprintOfAny(report.token) : report.fingerprint
  if ('token' in report && parseKeyToken(report.token) === 'session') {
    return dealWithSession(context, by, report.token, fingerprint)
  }
  const found = await foundBy(context, report, fingerprint)
  if (found === undefined) return { fingerprint, known: false, done: 'none' }
  const { key } = found
  const subject = { fingerprint, known: true, key: { id: key.id, owner: key.owner } }
  if (!isGoodForSomething(found, context.clock.now())) return { ...subject, done: 'none' }
  const action = actionFor(context.settings.leakActions, key)
  await note(context, by, { report, key, action, fingerprint })
  return { ...subject, done: await act(context, by, { key, action, report }) }
}

function foundBy(
  context: Context,
  report: LeakReport,
  fingerprint: Fingerprint,
): FoundKey | undefined | Promise<FoundKey | undefined> {
  if (!('token' in report)) return context.storage.keys.lookUp(fingerprint)
  return parseKeyToken(report.token) === undefined
    ? undefined
    : lookUpToken(context, report.token, fingerprint)
}

/** A session that everybody can read is of use to nobody, whatever is done with keys. */
async function dealWithSession(
  context: Context,
  { origin }: Actor,
  token: string,
  fingerprint: Fingerprint,
): Promise<LeakFinding> {
  const wasGood = await revokeToken(context, token, origin, 'keyCompromise')
  return { fingerprint, known: wasGood, done: wasGood ? 'revoked' : 'none' }
}

/** A key that is disabled or has expired can be made good again, and so can a secret that is not good yet. */
function isGoodForSomething({ revocation, goodUntil }: FoundKey, now: number): boolean {
  return revocation === undefined && (goodUntil === undefined || now < goodUntil)
}

function actionFor(actions: Readonly<Record<string, LeakAction>>, key: ApiKey): LeakAction {
  const keyspace = key.family === 'native' ? (key.keyspace ?? DEFAULT_KEYSPACE) : undefined
  return (keyspace === undefined ? undefined : actions[keyspace]) ?? actions['*'] ?? 'revoke'
}

type Known = {
  readonly key: ApiKey
  readonly action: LeakAction
  readonly report: LeakReport
}

async function note(
  context: Context,
  by: Actor,
  { key, action, report, fingerprint }: Known & { readonly fingerprint: Fingerprint },
): Promise<void> {
  const details: JsonObject = { owner: key.owner, fingerprint, action, ...placeOf(report) }
  const change = { by, action: 'key.leak', subject: `key:${key.id}`, details } as const
  await recordChange(context, change, (event) => context.storage.audit.append([event]))
}

function placeOf({ reporter, url }: LeakReport): JsonObject {
  return { reporter, ...(url !== undefined && { url }) }
}

async function act(
  context: Context,
  by: Actor,
  { key, action, report }: Known,
): Promise<LeakFinding['done']> {
  const comment = `leaked, says ${report.reporter}${report.url === undefined ? '' : `: ${report.url}`}`
  if (action === 'notify') return 'noted'
  if (action === 'disable') {
    await disable(context, by, key, comment)
    return 'disabled'
  }
  // Who else ended it meanwhile did what was to be done.
  await endKey(context, by, key, { reason: 'keyCompromise', comment })
  return 'revoked'
}
