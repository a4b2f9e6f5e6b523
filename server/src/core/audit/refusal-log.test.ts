import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN } from '../contract/test-authority.ts'
import { ANONYMOUS_ID } from '../ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { AuditEvent } from './audit-event.ts'
import { createRefusalLog, REFUSAL_GROUPS_MAX } from './refusal-log.ts'

const NOW = 1_700_000_000_000

const refusal = (at: number, subject = 'token:x'): AuditEvent => ({
  at,
  action: 'token.refused',
  outcome: 'refused',
  actor: ANONYMOUS_ID,
  subject,
  reason: 'unknown',
  origin: TEST_ORIGIN,
})

/** A log on the audit trail of a real store, without the events of its preparation. */
async function openLog(t: Parameters<typeof openTestAuthority>[0]) {
  const { storage, clock } = await openTestAuthority(t)
  const prepared = await storage.audit.list(0, 1_000)
  const since = prepared.at(-1)?.sequence ?? 0
  let fails = false
  const audit: Pick<AuditStore, 'append'> = {
    append: async (events) => {
      if (fails) throw new Error('the disk is full')
      await storage.audit.append(events)
    },
  }
  clock.setTo(NOW)
  return {
    log: createRefusalLog({ audit, clock }),
    clock,
    stored: () => storage.audit.list(since, 10_000),
    failAppends: (yes: boolean) => {
      fails = yes
    },
  }
}

describe('the refusal log', () => {
  test('stores the first refusal after a silence without being told to', async (t) => {
    const { log, stored } = await openLog(t)
    log.add('g', refusal(NOW))
    await log.flush()
    const [event, ...rest] = await stored()
    assert.ok(event)
    const { sequence: _, ...plain } = event
    assert.deepEqual(plain, refusal(NOW))
    assert.deepEqual(rest, [])
  })

  test('makes one event of a thousand refusals of one group', async (t) => {
    const { log, clock, stored } = await openLog(t)
    log.add('g', refusal(NOW, 'token:first'))
    await log.flush()
    for (let n = 0; n < 1_000; n++) log.add('g', refusal(NOW + n / 10, `token:${n}`))
    clock.passMs(100)
    await log.flush()
    const events = await stored()
    assert.deepEqual(
      events.map(({ subject, details }) => [subject, details?.['count'], details?.['lastAt']]),
      [
        ['token:first', undefined, undefined],
        ['token:0', 1_000, NOW + 99.9],
      ],
    )
  })

  test('holds a bounded number of groups, and counts what it cannot hold', async (t) => {
    const { log, stored } = await openLog(t)
    log.add('silence', refusal(NOW))
    await log.flush()
    for (let n = 0; n < REFUSAL_GROUPS_MAX + 500; n++) log.add(`g${n}`, refusal(NOW))
    await log.flush()
    const events = await stored()
    assert.equal(events.length, 1 + REFUSAL_GROUPS_MAX + 1)
    const last = events.at(-1)
    assert.deepEqual([last?.reason, last?.details?.['count']], ['too_many_to_list', 500])
  })

  test('takes more of a group without an event, be it held or not, but never the first of one', async (t) => {
    const { log, clock, stored } = await openLog(t)
    log.add('silence', refusal(NOW))
    await log.flush()
    assert.equal(log.again('g0', NOW), false)
    for (let n = 0; n < REFUSAL_GROUPS_MAX + 1; n++) log.add(`g${n}`, refusal(NOW))
    assert.equal(log.again('g0', NOW + 7), true)
    assert.equal(log.again('there is no room for this', NOW + 9), true)
    clock.passMs(1_000)
    assert.equal(log.again('g0', clock.now()), false)
    await log.flush()
    const counted = (await stored()).filter(({ details }) => details !== undefined)
    assert.deepEqual(
      counted.map(({ reason, details }) => [reason, details?.['count'], details?.['lastAt']]),
      [
        ['unknown', 2, NOW + 7],
        ['too_many_to_list', 2, NOW + 9],
      ],
    )
  })

  test('counts what it could not hold also after the store failed', async (t) => {
    const { log, stored, failAppends } = await openLog(t)
    failAppends(true)
    log.add('silence', refusal(NOW))
    await assert.rejects(log.flush())
    for (let n = 0; n < REFUSAL_GROUPS_MAX + 9; n++) log.add(`g${n}`, refusal(NOW + n))
    await assert.rejects(log.flush())
    log.add('g0', refusal(NOW + 5_000))
    failAppends(false)
    await log.flush()
    const events = await stored()
    assert.equal(events.length, REFUSAL_GROUPS_MAX + 1)
    const [first, last] = [events.find(({ details }) => details?.['lastAt'] === NOW + 5_000), events.at(-1)]
    assert.deepEqual([first?.at, first?.details?.['count']], [NOW, 2])
    assert.deepEqual([last?.reason, last?.details?.['count']], ['too_many_to_list', 10])
  })

  test('loses nothing when the store fails, and tells whoever asked it to flush', async (t) => {
    const { log, stored, failAppends } = await openLog(t)
    failAppends(true)
    log.add('g', refusal(NOW))
    await assert.rejects(log.flush(), /disk is full/)
    log.add('g', refusal(NOW + 1))
    await assert.rejects(log.flush(), /disk is full/)
    failAppends(false)
    await log.flush()
    assert.deepEqual(
      (await stored()).map(({ details }) => details?.['count']),
      [2],
    )
  })
})
