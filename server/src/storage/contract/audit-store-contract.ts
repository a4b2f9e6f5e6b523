import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aKey, anEvent, aRevocation, keyId, numbers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

/** The promises of `AuditStore`. */
export function describeAuditStore(withStorage: WithStorage): void {
  describe('audit events', () => {
    test(
      'an event comes back exactly as it was appended',
      withStorage(async ({ audit }) => {
        const full = anEvent('token.refused', 'token', {
          outcome: 'refused',
          actorKey: keyId('k'),
          reason: 'expired',
          origin: { address: '::1', carrier: 'http', requestId: 'r', local: false },
          details: { before: ['a'], after: null },
        })
        const events = [anEvent('session.login_failed', 'plain'), full]
        await audit.append(events)
        const stored = (await audit.list(0, 10)).map(({ sequence: _, ...event }) => event)
        assert.deepEqual(stored, events)
      }),
    )

    test(
      'events keep the order in which they were appended and can be read in pages',
      withStorage(async ({ audit }) => {
        const appended = numbers(2_500).map((n) => anEvent('token.refused', `${n}`))
        await Promise.all(appended.map((event) => audit.append([event])))
        const pages: string[] = []
        for (let after = 0; ; ) {
          const page = await audit.list(after, 1_000)
          const last = page.at(-1)
          if (last === undefined) break
          assert.ok(page.every((event, index) => event.sequence > (page[index - 1]?.sequence ?? after)))
          pages.push(...page.map((event) => event.subject))
          after = last.sequence
        }
        assert.deepEqual(
          pages,
          appended.map((event) => event.subject),
        )
      }),
    )

    test(
      'appending nothing stores nothing',
      withStorage(async ({ audit }) => {
        await audit.append([])
        assert.deepEqual(await audit.list(0, 10), [])
      }),
    )

    test(
      'the event of a change is stored when the change is acknowledged, and its order is the order of the changes',
      withStorage(async ({ audit, keys }) => {
        await keys.insert(aKey('a', '-1'), undefined, anEvent('key.create', 'key:a'))
        assert.deepEqual(
          (await audit.list(0, 10)).map((event) => event.subject),
          ['key:a'],
        )
        await keys.insert(aKey('b', '-1'), undefined, anEvent('key.create', 'key:b'))
        await keys.revoke(keyId('a'), { revocation: aRevocation() }, anEvent('key.delete', 'key:a'))
        assert.deepEqual(
          (await audit.list(0, 10)).map((event) => `${event.action} ${event.subject}`),
          ['key.create key:a', 'key.create key:b', 'key.delete key:a'],
        )
      }),
    )
  })
}
