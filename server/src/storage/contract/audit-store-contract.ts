import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { NO_PREVIOUS, printExportedEvent } from '../../core/audit/audit-chain.ts'
import { type ChainReport, verifyAuditTrail } from '../../core/audit/verify-audit-trail.ts'
import type { AuditStore, ChainLink } from '../../core/ports/audit-store.ts'
import { aKey, anEvent, aRevocation, keyId, numbers, userId } from './records.ts'
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
    describeChains(withStorage)
  })
}

/** Texts and numbers that are written in more than one way by somebody. */
const STRANGE = anEvent('token.refused', 'a "quoted" \\ \u0000\u0001\u001f\u007f\u2028 \ud800 \u{1f511} é', {
  at: 1_700_000_000_123.25,
  outcome: 'refused',
  actor: userId(''),
  actorKey: keyId('k\n'),
  reason: '',
  origin: { address: '::1', carrier: 'http', requestId: '\t', local: true },
  details: { '"': [1e21, -0.5, null, '\ud800'], hash: 'x' },
})

function describeChains(withStorage: WithStorage): void {
  test(
    'every event is on a chain once the trail was sealed, exactly as it is listed',
    withStorage(async ({ audit, keys }) => {
      await audit.append([anEvent('session.login', 'first'), STRANGE])
      await keys.insert(aKey('a', '-1'), undefined, anEvent('key.create', 'key:a'))
      await audit.seal()
      const links = await audit.listLinks(undefined, 10)
      const chained = links.map(({ event }) => {
        const { detailsText, ...facts } = event ?? assert.fail('there is no event')
        return { ...facts, ...(detailsText !== undefined && { details: JSON.parse(detailsText) }) }
      })
      assert.deepEqual(chained, await audit.list(0, 10))
      assert.deepEqual(
        links.map(({ position }) => position),
        [1, 2, 3],
      )
      assert.deepEqual(await audit.listNumbers(1, 10), [
        { sequence: 2, state: 'chained' },
        { sequence: 3, state: 'chained' },
      ])
    }),
  )

  test(
    'exported lines can be verified with nothing but SHA-256',
    withStorage(async ({ audit }) => {
      await audit.append([anEvent('session.login', 'first'), STRANGE, anEvent('session.logout', 'last')])
      await audit.seal()
      let previous = NO_PREVIOUS
      for (const link of await audit.listLinks(undefined, 10)) {
        const event = link.event ?? assert.fail('there is no event')
        const line = printExportedEvent(event, { ...link, previous }, link.hash)
        const [, text, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line) ?? []
        assert.equal(createHash('sha256').update(`${text}}`, 'utf8').digest('hex'), hash)
        assert.equal(JSON.parse(line).previous, previous)
        assert.equal(link.hash, hash)
        previous = link.hash
      }
    }),
  )

  test(
    'a trail is intact, page after page, and what each chain is gets told',
    withStorage(async ({ audit }) => {
      await audit.append(numbers(2_500).map((n) => anEvent('token.refused', `${n}`)))
      await audit.seal()
      const { report, chains } = await verified(audit)
      assert.equal(report.isIntact, true)
      assert.deepEqual([report.events, report.chains, report.waiting, report.earlier], [2_500, 1, 0, 0])
      const [chain] = chains
      assert.deepEqual([chain?.events, chain?.first.sequence, chain?.last.sequence], [2_500, 1, 2_500])
      const last = (await audit.listLinks(undefined, 3_000)).at(-1)
      assert.equal(chain?.head, last?.hash)
      assert.deepEqual(await audit.listLinks(last, 10), [])
    }),
  )

  test(
    'sealing again changes nothing, and what comes later goes on from there',
    withStorage(async ({ audit }) => {
      await audit.append([anEvent('session.login', 'a')])
      await audit.seal()
      const first = await audit.listLinks(undefined, 10)
      await Promise.all([audit.seal(), audit.seal()])
      assert.deepEqual(await audit.listLinks(undefined, 10), first)
      await audit.append([anEvent('session.logout', 'a')])
      await audit.seal()
      const links: readonly ChainLink[] = await audit.listLinks(undefined, 10)
      assert.deepEqual(links.slice(0, 1), first)
      assert.deepEqual(
        links.map(({ position, sequence }) => [position, sequence]),
        [
          [1, 1],
          [2, 2],
        ],
      )
      assert.equal((await verified(audit)).report.isIntact, true)
    }),
  )

  test(
    'a head that was noted is found for ever, and one that never was is missed',
    withStorage(async ({ audit }) => {
      await audit.append([anEvent('session.login', 'a')])
      await audit.seal()
      const noted = (await verified(audit)).chains[0]?.head ?? ''
      await audit.append([anEvent('session.logout', 'a')])
      await audit.seal()
      assert.equal((await verified(audit, [noted])).report.isIntact, true)
      const { report } = await verified(audit, [noted, 'f'.repeat(64)])
      assert.equal(report.isIntact, false)
      assert.deepEqual(report.missingHeads, ['f'.repeat(64)])
    }),
  )

  test(
    'an empty trail is intact',
    withStorage(async ({ audit }) => {
      await audit.seal()
      const { report, chains } = await verified(audit)
      assert.deepEqual([report.isIntact, report.events, chains], [true, 0, []])
    }),
  )
}

async function verified(audit: AuditStore, expectedHeads: readonly string[] = []) {
  const chains: ChainReport[] = []
  const report = await verifyAuditTrail(audit, { expectedHeads, onChain: (chain) => chains.push(chain) })
  return { report, chains }
}
