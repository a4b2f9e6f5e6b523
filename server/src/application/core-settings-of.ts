import { join } from 'node:path'
import type { CoreSettings, Keyspace, LeakAction } from '../core/core-settings.ts'
import type { ProfileId } from '../core/ids.ts'
import { checkKeyspaces } from '../core/keys/keyspaces.ts'
import { redactedSetting } from '../settings/redacted-settings.ts'
import type { Settings } from '../settings/settings.ts'
import { StartError } from './start-error.ts'

/**
 * What the core is told of the settings.
 *
 * @throws {StartError} when settings contradict each other, or keyspaces are none; it names all that is wrong.
 */
export function coreSettingsOf(settings: Settings): CoreSettings {
  const perUserMax = settings['security.apiKey.perUserMax']
  const secret = settings['security.authToken.secret']
  const keyspaces = parseKeyspaces(settings['keys.keyspaces'])
  const leaks = parseLeakActions(settings['leaks.actions'], keyspaces.parsed)
  refuseProblems([
    ...keyspaces.problems,
    ...leaks.problems,
    ...lifeProblems(settings),
    ...clusterProblems(settings),
  ])
  return {
    apiKeyMaxTtlMs: settings['security.apiKey.maxTTL'],
    apiKeyMayIssueKeys: settings['security.apiKey.mayIssueKeys'],
    ...(perUserMax === -1 ? {} : { apiKeyPerUserMax: perUserMax }),
    keyspaces: keyspaces.parsed,
    leakActions: leaks.parsed,
    restoreWindowMs: settings['keys.restoreWindow'],
    revokedKeptMs: settings['keys.revokedKept'],
    knoxExpiredKeptMs: settings['knox.evictionGrace'],
    usageKeptMs: settings['keys.usageKept'],
    sessionTtlMs: settings['security.authToken.expiresIn'],
    sessionMaxTtlMs: settings['security.authToken.maxTTL'],
    sessionGracePeriodMs: settings['security.authToken.gracePeriod'],
    tokenAlgorithm: settings['security.authToken.algorithm'],
    ...(secret === undefined ? {} : { tokenSecret: secret() }),
    // Any text names a profile; whether it exists is known when it is used.
    restrictedProfileIds: settings['security.restrictedProfileIds'].map((id) => id as ProfileId),
    loginsPerSecond: settings['limits.loginsPerSecond'],
    loginsPerSecondPerAddress: settings['limits.loginsPerSecondPerAddress'],
    loginBurst: settings['limits.loginBurst'],
    openStart: settings.dev,
    failsafeMode: settings['plugins.common.failsafeMode'],
  }
}

type ParsedKeyspaces = {
  readonly parsed: Readonly<Record<string, Keyspace>>
  readonly problems: readonly string[]
}

/** Reads `name=prefix_environment`. Which prefixes are good is for the core to say. */
function parseKeyspaces(given: readonly string[]): ParsedKeyspaces {
  const parsed = new Map<string, Keyspace>()
  const problems: string[] = []
  for (const text of given) {
    const [, name, prefix, environment] = KEYSPACE.exec(text) ?? []
    if (name === undefined || prefix === undefined || environment === undefined) {
      problems.push(`"${text}" is not a keyspace of the form name=prefix_environment`)
    } else if (parsed.has(name)) problems.push(`There are two keyspaces "${name}"`)
    else parsed.set(name, { prefix, environment })
  }
  const keyspaces = Object.fromEntries(parsed)
  return { parsed: keyspaces, problems: [...problems, ...checkKeyspaces(keyspaces)].map(inKeyspaces) }
}

type ParsedLeakActions = {
  readonly parsed: Readonly<Record<string, LeakAction>>
  readonly problems: readonly string[]
}

/** Reads `name=action`; a name that is no keyspace would be one that is protected in nobody's mind but the writer's. */
function parseLeakActions(
  given: readonly string[],
  keyspaces: Readonly<Record<string, Keyspace>>,
): ParsedLeakActions {
  const parsed = new Map<string, LeakAction>()
  const problems: string[] = []
  for (const text of given) {
    const [name = '', action = ''] = text.split('=')
    const known = LEAK_ACTIONS.find((each) => each === action)
    if (known === undefined) problems.push(`"${text}" is not of the form name=${LEAK_ACTIONS.join('|')}`)
    else if (name !== '*' && keyspaces[name] === undefined) problems.push(`There is no keyspace "${name}"`)
    else if (parsed.has(name)) problems.push(`There are two actions for "${name}"`)
    else parsed.set(name, known)
  }
  return {
    parsed: Object.fromEntries(parsed),
    problems: problems.map((problem) => `leaks.actions: ${problem}`),
  }
}

const LEAK_ACTIONS: readonly LeakAction[] = ['notify', 'disable', 'revoke']

const KEYSPACE = /^([^=]+)=([^_=]*)_([^_=]*)$/

function inKeyspaces(problem: string): string {
  return `keys.keyspaces: ${problem}`
}

function lifeProblems(settings: Settings): readonly string[] {
  if (settings['keys.revokedKept'] >= settings['keys.restoreWindow']) return []
  return ['keys.revokedKept: must be at least as long as keys.restoreWindow, or nothing is left to restore']
}

function clusterProblems(settings: Settings): readonly string[] {
  const { pollMs, staleAfterMs, staleMaxMs } = storageOptionsOf(settings)
  return [
    ...(staleAfterMs < 2 * pollMs
      ? ['cluster.staleAfterMs: must be at least twice cluster.pollMs, or memory is never trusted for long']
      : []),
    ...(staleMaxMs < staleAfterMs ? ['cluster.staleMaxMs: must be at least cluster.staleAfterMs'] : []),
  ]
}

/** How `openStorage` is to keep up with other nodes. */
export function storageOptionsOf(settings: Settings) {
  return {
    keysInMemoryMax: settings['verify.keysInMemoryMax'],
    pollMs: settings['cluster.pollMs'],
    staleAfterMs: settings['cluster.staleAfterMs'],
    creditLeaseMax: settings['cluster.creditLeaseMax'],
    staleMaxMs: settings['cluster.staleMaxMs'],
    whenUnreachable: settings['cluster.whenUnreachable'],
  }
}

function refuseProblems(problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new StartError(`Cannot start with these settings:\n${problems.map((line) => `  ${line}`).join('\n')}`)
}

/** Where everything is kept, as `openStorage` wants it. */
export function storageUrlOf(settings: Settings): string {
  return settings.storage?.() ?? `sqlite:${join(settings.dataDir, 'latchkey.db')}`
}

/** The same for people: without the password that it may hold. */
export function printStorage(settings: Settings): string {
  return String(redactedSetting(settings, 'storage') ?? storageUrlOf(settings))
}
