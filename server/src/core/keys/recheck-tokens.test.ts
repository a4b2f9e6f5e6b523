import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { openStorage } from '../../storage/open-storage.ts'
import type { Session } from '../access/session.ts'
import { openTestAuthority } from '../contract/test-authority.ts'
import type { ChangeListener } from '../ports/store-changes.ts'
import type { Instant } from '../record.ts'
import { createEndedTokens } from './ended-tokens.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'
import { createTokenRechecks } from './recheck-tokens.ts'

/** Rechecks on a real store, whose news and failures the test decides. */
async function openRechecks(t: TestContext) {
  const storage = await openStorage('sqlite::memory:')
  t.after(() => storage.close())
  const { clock, nobody } = await openTestAuthority(t, {}, storage)
  let listener: ChangeListener = () => {}
  let isFailing = false
  const ended = createEndedTokens()
  const watched = new Set<Fingerprint>()
  const told: (Fingerprint | [Fingerprint, Instant | undefined])[] = []
  ended.onEnded((fingerprint) => {
    watched.delete(fingerprint)
    told.push(fingerprint)
  }, watched)
  ended.onLifeChanged((fingerprint, expiresAt) => told.push([fingerprint, expiresAt]))
  const rechecks = createTokenRechecks({
    clock,
    ended,
    storage: {
      ...storage,
      changes: {
        isFresh: () => true,
        lag: () => ({ heardMsAgo: 0, heardSequence: 0 }),
        listen(given) {
          listener = given
          return () => {}
        },
      },
      sessions: {
        ...storage.sessions,
        findByFingerprint: async (fingerprint) => {
          if (isFailing) throw new Error('the store does not answer')
          return storage.sessions.findByFingerprint(fingerprint)
        },
      },
    },
  })
  const insert = async (name: string, expiresAt: Instant): Promise<Fingerprint> => {
    const fingerprint = fingerprintOf(name)
    const life: Session = {
      fingerprint,
      owner: nobody.user.id,
      expiresAt,
      singleUse: false,
      refreshed: false,
      createdAt: 0,
    }
    const event = { at: 0, action: 'session.login', outcome: 'done', actor: nobody.user.id } as const
    await storage.sessions.insert(life, { ...event, subject: 'session', origin: nobody.origin })
    return fingerprint
  }
  return {
    ...{ rechecks, watched, told, insert },
    hear: (...heard: Parameters<ChangeListener>) => listener(...heard),
    fail: (fails: boolean) => {
      isFailing = fails
    },
  }
}

const GONE = fingerprintOf('gone')

describe('tokens that other processes end', () => {
  it('are announced when they are watched, and no others', async (t) => {
    const { rechecks, watched, told, hear, insert } = await openRechecks(t)
    const stays = await insert('stays', 9e12)
    watched.add(GONE).add(stays)
    hear({ kind: 'sessions', fingerprints: [GONE, stays, fingerprintOf('nobody cares')] }, 'another node')
    await rechecks.recheck([])
    assert.ok(told.includes(GONE))
    assert.deepEqual(
      told.filter((each) => each !== GONE),
      [[stays, 9e12]],
    )
  })

  it('are all looked up when anything may have changed', async (t) => {
    const { rechecks, watched, told, hear } = await openRechecks(t)
    watched.add(GONE)
    hear({ kind: 'everything' }, 'another node')
    await rechecks.recheck([])
    assert.deepEqual(told, [GONE])
  })

  it('are not looked up for what this process did or what is about no token', async (t) => {
    const { rechecks, watched, told, hear } = await openRechecks(t)
    watched.add(GONE)
    hear({ kind: 'everything' }, 'this node')
    hear({ kind: 'access' }, 'another node')
    await rechecks.recheck([])
    assert.deepEqual(told, [])
  })

  it('are announced later when the store does not answer at once', async (t) => {
    const { rechecks, watched, told, hear, fail } = await openRechecks(t)
    watched.add(GONE)
    fail(true)
    hear({ kind: 'sessions', fingerprints: [GONE] }, 'another node')
    await rechecks.recheck([])
    assert.deepEqual(told, [])
    fail(false)
    await rechecks.recheck([])
    assert.deepEqual(told, [GONE])
  })
})
