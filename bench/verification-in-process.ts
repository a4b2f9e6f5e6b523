/**
 * Checks keys of a store in this process, without HTTP: `node verification-in-process.ts STORE_FILE TOKENS_FILE SECONDS`.
 * Prints checks per second and microseconds of CPU for each as JSON.
 */
import { readFileSync } from 'node:fs'
import { createRefusalLog } from '../server/src/core/audit/refusal-log.ts'
import { createKeyAuthority } from '../server/src/core/create-key-authority.ts'
import { createUsageCounter } from '../server/src/core/keys/usage-counter.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { createArgon2Hasher } from '../server/src/system/argon2-hasher.ts'
import { createNodeRandomness } from '../server/src/system/node-randomness.ts'
import { systemClock } from '../server/src/system/system-clock.ts'

const [file = '', tokensFile = '', seconds = '1'] = process.argv.slice(2)
const tokens: readonly string[] = JSON.parse(readFileSync(tokensFile, 'utf8')).tokens
const storage = await openStorage(`sqlite:${file}`)
const randomness = createNodeRandomness()
const authority = createKeyAuthority({
  storage,
  clock: systemClock,
  randomness,
  passwords: createArgon2Hasher(randomness),
  settings: {
    apiKeyMaxTtlMs: -1,
    apiKeyMayIssueKeys: true,
    keyspaces: { default: { prefix: 'lk', environment: 'live' } },
    leakActions: { '*': 'revoke' },
    restoreWindowMs: 0,
    revokedKeptMs: 0,
    usageKeptMs: 86_400_000,
    sessionTtlMs: 3_600_000,
    sessionMaxTtlMs: -1,
    sessionGracePeriodMs: 0,
    tokenAlgorithm: 'HS256',
    restrictedProfileIds: [],
    loginsPerSecond: 0,
    loginsPerSecondPerAddress: 0,
    loginBurst: 1,
    openStart: false,
    failsafeMode: false,
  },
  refusals: createRefusalLog({ audit: storage.audit, clock: systemClock, onAudit: () => {} }),
  uses: createUsageCounter(storage.keys),
})

/** Checks in one turn of the event loop, as many as a busy server finds waiting. */
const PER_TURN = 64

async function checkFor(ms: number): Promise<{ readonly perSecond: number; readonly cpuMicros: number }> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  let count = 0
  while (performance.now() - startedAt < ms) {
    for (let n = 0; n < PER_TURN; n++, count++) {
      const verdict = await authority.verification.check(tokens[count % tokens.length] ?? '', {})
      if (verdict.refusal !== undefined) throw new Error(`a good key was refused: ${verdict.refusal}`)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: (count / (performance.now() - startedAt)) * 1000, cpuMicros: (user + system) / count }
}

await checkFor(1_000)
process.stdout.write(JSON.stringify(await checkFor(Number(seconds) * 1000)))
await storage.close()
