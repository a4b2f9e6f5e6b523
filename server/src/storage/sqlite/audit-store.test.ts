import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { anEvent, numbers, refusal } from '../contract/records.ts'
import { AUDIT_WAITING_MAX, createAuditStore, prepareAudit } from './audit-store.ts'
import type { SqliteDatabase } from './database.ts'
import { openDatabase } from './open-database.ts'

describe('audit events in SQLite', () => {
  let database: SqliteDatabase

  beforeEach(async () => {
    database = await openDatabase(':memory:', { waitingMax: 50, lockWaitMaxMs: 100 })
  })
  afterEach(() => database.close())

  const refused = (n: number) => anEvent('token.refused', `${n}`)

  test('a flood of refusals is bounded, and leaves room for changes', async () => {
    const audit = createAuditStore(database, prepareAudit(database))
    const accepted = numbers(AUDIT_WAITING_MAX).map((n) => audit.append([refused(n)]))
    const error = await refusal(audit.append([refused(-1)]), 'server.overloaded')
    assert.deepEqual(error.facts, { waitingMax: AUDIT_WAITING_MAX })
    await database.change(() => undefined)
    await Promise.all(accepted)
    assert.equal((await audit.list(0, AUDIT_WAITING_MAX + 1)).length, AUDIT_WAITING_MAX)
    await audit.append([refused(-1)])
  })

  test('an event that cannot be stored is told to all whose events share its commit, and to nobody later', async () => {
    const write = prepareAudit(database)
    const ours = new RangeError('cannot be stored')
    const audit = createAuditStore(database, (event) => {
      if (event.subject === 'bad') throw ours
      write(event)
    })
    const appended = [audit.append([refused(1)]), audit.append([anEvent('token.refused', 'bad')])]
    for (const promise of appended) await assert.rejects(promise, (error) => error === ours)
    await audit.append([refused(2)])
    assert.deepEqual(
      (await audit.list(0, 10)).map((event) => event.subject),
      ['2'],
    )
  })

  test('stored events cannot be changed', async () => {
    const audit = createAuditStore(database, prepareAudit(database))
    await audit.append([refused(1)])
    const forgery = database.change(() => database.statement("UPDATE audit_events SET subject = 'x'").run())
    await assert.rejects(forgery, /audit events never change/)
  })
})
