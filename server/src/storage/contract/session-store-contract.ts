import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import { anEvent, aSession, auditSubjects, numbers, refusal, userId, withUsers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const LOGGED_IN = anEvent('session.login', 'session')
const REFRESHED = anEvent('session.refresh', 'session')
const LOGGED_OUT = anEvent('session.logout', 'session')
const REVOKED_ALL = anEvent('session.revoke_all', 'user')

/** The promises of `SessionStore`. */
export function describeSessionStore(withStorage: WithStorage): void {
  describe('sessions', () => {
    describeInserting(withStorage)
    describeRefreshing(withStorage)
    describeEnding(withStorage)
  })
}

function describeInserting(withStorage: WithStorage): void {
  test(
    'a session is found exactly as it was stored',
    withStorage(async ({ sessions }) => {
      const plain = aSession('plain', '-1')
      const full = aSession('full', '-1', { ttlMs: 10, expiresAt: 1_010, singleUse: true, refreshed: true })
      for (const session of [plain, full]) {
        await sessions.insert(session, LOGGED_IN)
        assert.deepEqual(await sessions.findByFingerprint(session.fingerprint), session)
      }
      assert.equal(await sessions.findByFingerprint(fingerprintOf('other')), undefined)
    }),
  )

  test(
    'a session needs an owner that is stored or the anonymous user',
    withStorage(async (storage) => {
      const session = aSession('s', 'nobody')
      await refusal(storage.sessions.insert(session, LOGGED_IN), 'user.not_found')
      assert.equal(await storage.sessions.findByFingerprint(session.fingerprint), undefined)
      assert.deepEqual(await auditSubjects(storage, 'session.login'), [])
    }),
  )

  test(
    'of 64 that consume a single-use session at once exactly one gets it',
    withStorage(async ({ sessions }) => {
      const session = aSession('once', '-1', { singleUse: true })
      await sessions.insert(session, LOGGED_IN)
      const answers = await Promise.all(numbers(64).map(() => sessions.consume(session.fingerprint)))
      assert.equal(answers.filter((consumed) => consumed).length, 1)
      assert.equal(await sessions.findByFingerprint(session.fingerprint), undefined)
    }),
  )

  test(
    'a session that is not single-use cannot be consumed',
    withStorage(async ({ sessions }) => {
      const session = aSession('s', '-1')
      await sessions.insert(session, LOGGED_IN)
      assert.equal(await sessions.consume(session.fingerprint), false)
      assert.deepEqual(await sessions.findByFingerprint(session.fingerprint), session)
    }),
  )
}

function describeRefreshing(withStorage: WithStorage): void {
  test(
    'of 64 refreshes of one session at once exactly one stores its successor',
    withStorage(async (storage) => {
      const { sessions } = storage
      const old = aSession('old', '-1', { expiresAt: 9_000, ttlMs: 8_000 })
      await sessions.insert(old, LOGGED_IN)
      const successors = numbers(64).map((n) => aSession(`new ${n}`, '-1'))
      const answers = await Promise.all(
        successors.map((next) => sessions.refresh(old.fingerprint, 3_000, next, REFRESHED)),
      )
      assert.equal(answers.filter((done) => done).length, 1)
      const stored = await Promise.all(successors.map((next) => sessions.findByFingerprint(next.fingerprint)))
      assert.equal(stored.filter((next) => next !== undefined).length, 1)
      assert.equal((await auditSubjects(storage, 'session.refresh')).length, 1)
    }),
  )

  test(
    'a refreshed session lives on until the end of the grace period, never longer than it had',
    withStorage(async ({ sessions }) => {
      const long = aSession('long', '-1', { expiresAt: 9_000 })
      const short = aSession('short', '-1', { expiresAt: 2_000 })
      const infinite = aSession('infinite', '-1')
      for (const [old, end] of [
        [long, 3_000] as const,
        [short, 2_000] as const,
        [infinite, 3_000] as const,
      ]) {
        await sessions.insert(old, LOGGED_IN)
        const next = aSession(`after ${old.fingerprint}`, '-1')
        assert.equal(await sessions.refresh(old.fingerprint, 3_000, next, REFRESHED), true)
        const expected = { ...old, refreshed: true, expiresAt: end }
        assert.deepEqual(await sessions.findByFingerprint(old.fingerprint), expected)
        assert.deepEqual(await sessions.findByFingerprint(next.fingerprint), next)
      }
    }),
  )

  test(
    'a session that is gone is not refreshed, and its successor not stored',
    withStorage(async (storage) => {
      const next = aSession('next', '-1')
      assert.equal(await storage.sessions.refresh(fingerprintOf('gone'), 3_000, next, REFRESHED), false)
      assert.equal(await storage.sessions.findByFingerprint(next.fingerprint), undefined)
      assert.deepEqual(await auditSubjects(storage, 'session.refresh'), [])
    }),
  )
}

function describeEnding(withStorage: WithStorage): void {
  test(
    'a session is removed once',
    withStorage(async (storage) => {
      const session = aSession('s', '-1')
      await storage.sessions.insert(session, LOGGED_IN)
      assert.equal(await storage.sessions.remove(session.fingerprint, LOGGED_OUT), true)
      assert.equal(await storage.sessions.remove(session.fingerprint, LOGGED_OUT), false)
      assert.equal(await storage.sessions.findByFingerprint(session.fingerprint), undefined)
      assert.equal((await auditSubjects(storage, 'session.logout')).length, 1)
    }),
  )

  test(
    'all sessions of one owner end together and are named, those of others live on',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const mine = numbers(3).map((n) => aSession(`mine ${n}`, 'ann'))
      const other = aSession('other', '-1')
      for (const session of [...mine, other]) await storage.sessions.insert(session, LOGGED_IN)
      const ended = await storage.sessions.removeByOwner(userId('ann'), REVOKED_ALL)
      assert.deepEqual([...ended].sort(), mine.map((session) => session.fingerprint).sort())
      assert.deepEqual(await storage.sessions.findByFingerprint(other.fingerprint), other)
      assert.deepEqual(await storage.sessions.removeByOwner(userId('ann'), REVOKED_ALL), [])
    }),
  )

  test(
    'only expired sessions are purged, at most as many as asked for',
    withStorage(async ({ sessions }) => {
      const expired = numbers(5).map((n) => aSession(`expired ${n}`, '-1', { expiresAt: 1_000 + n }))
      const alive = [aSession('alive', '-1', { expiresAt: 5_000 }), aSession('infinite', '-1')]
      for (const session of [...expired, ...alive]) await sessions.insert(session, LOGGED_IN)
      assert.equal(await sessions.purgeExpired(4_000, 3), 3)
      assert.equal(await sessions.purgeExpired(4_000, 3), 2)
      assert.equal(await sessions.purgeExpired(4_000, 3), 0)
      for (const session of alive) {
        assert.deepEqual(await sessions.findByFingerprint(session.fingerprint), session)
      }
    }),
  )
}
