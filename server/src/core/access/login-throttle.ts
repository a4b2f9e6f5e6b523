import type { CoreSettings } from '../core-settings.ts'
import type { Randomness } from '../ports/randomness.ts'
import type { Instant } from '../record.ts'
import { type AttemptMeter, createAttemptMeter } from './attempt-meter.ts'
import { networkOf } from './network-of.ts'

/** Who tries to log in. */
export type LoginAttempt = {
  /** Absent when the client named none. */
  readonly username?: string
  /** Absent when the transport knows none. */
  readonly address?: string
}

/** Decides, before any password is hashed, whether a login comes too soon. */
export interface LoginThrottle {
  /** Counts the attempt and answers 0, or answers how many ms too soon it comes and counts nothing. */
  admit(attempt: LoginAttempt, now: Instant): number
}

/**
 * Limits logins of each account, wherever they come from, and from each address, whoever they are for. Successful
 * logins count as well, so that an attacker cannot tell the two apart. It knows nothing of connections: opening a new one
 * resets nothing. A rate of 0 is no limit.
 */
export function createLoginThrottle(settings: CoreSettings, randomness: Randomness): LoginThrottle {
  const { loginsPerSecond, loginsPerSecondPerAddress, loginBurst } = settings
  const seed = Buffer.from(randomness.bytes(16)).toString('hex')
  const accounts = meter({ perSecond: loginsPerSecond, burst: loginBurst }, seed)
  // An address may always use up a whole second's worth at once, else its rate could never be reached.
  const addressBurst = Math.max(loginBurst, Math.ceil(loginsPerSecondPerAddress))
  const addresses = meter({ perSecond: loginsPerSecondPerAddress, burst: addressBurst }, seed)

  return {
    admit: ({ username, address }, now) => {
      const counted: (readonly [AttemptMeter, string])[] = []
      if (accounts !== undefined && username !== undefined) counted.push([accounts, username])
      if (addresses !== undefined && address !== undefined) counted.push([addresses, networkOf(address)])
      const tooSoonMs = Math.max(0, ...counted.map(([meter, name]) => meter.nextAt(name, now) - now))
      if (tooSoonMs > 0) return tooSoonMs
      for (const [meter, name] of counted) meter.count(name, now)
      return 0
    },
  }
}

function meter(rate: { perSecond: number; burst: number }, seed: string): AttemptMeter | undefined {
  return rate.perSecond > 0 ? createAttemptMeter(rate, seed) : undefined
}
