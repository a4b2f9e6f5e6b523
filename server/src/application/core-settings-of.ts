import { join } from 'node:path'
import type { CoreSettings } from '../core/core-settings.ts'
import type { ProfileId } from '../core/ids.ts'
import { redactedSetting } from '../settings/redacted-settings.ts'
import type { Settings } from '../settings/settings.ts'

/** What the core is told of the settings. */
export function coreSettingsOf(settings: Settings): CoreSettings {
  const perUserMax = settings['security.apiKey.perUserMax']
  const secret = settings['security.authToken.secret']
  return {
    apiKeyMaxTtlMs: settings['security.apiKey.maxTTL'],
    apiKeyMayIssueKeys: settings['security.apiKey.mayIssueKeys'],
    ...(perUserMax === -1 ? {} : { apiKeyPerUserMax: perUserMax }),
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

/** Where everything is kept, as `openStorage` wants it. */
export function storageUrlOf(settings: Settings): string {
  return settings.storage?.() ?? `sqlite:${join(settings.dataDir, 'latchkey.db')}`
}

/** The same for people: without the password that it may hold. */
export function printStorage(settings: Settings): string {
  return String(redactedSetting(settings, 'storage') ?? storageUrlOf(settings))
}
