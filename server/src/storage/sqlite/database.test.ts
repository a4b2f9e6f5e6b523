import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { numbers, refusal } from '../contract/records.ts'
import type { SqliteDatabase } from './database.ts'
import { openDatabase } from './open-database.ts'

describe('an SQLite database', () => {
  let database: SqliteDatabase

  beforeEach(async () => {
    database = await openDatabase(':memory:', { waitingMax: 100, lockWaitMaxMs: 100 })
  })
  afterEach(() => database.close())

  test('prepares a statement once, as long as not too many others are asked for', () => {
    const first = database.statement('SELECT 1')
    const second = database.statement('SELECT 2')
    for (const n of numbers(499)) {
      database.statement(`SELECT 'other ${n}'`)
      assert.equal(database.statement('SELECT 1'), first)
    }
    assert.notEqual(database.statement('SELECT 2'), second)
  })

  test('keeps a forgotten statement usable for those who hold it', () => {
    const held = database.statement('SELECT 7')
    for (const n of numbers(600)) database.statement(`SELECT 'other ${n}'`)
    assert.deepEqual(held.get(), [7])
  })

  test('binds values, never text', () => {
    const hostile = "'); DROP TABLE keys; --"
    const echo = database.statement('SELECT ?, ?, ?, ?')
    assert.deepEqual(echo.get(hostile, 1.5, null, 'ünï\u0000code'), [hostile, 1.5, null, 'ünï\u0000code'])
  })

  test('passes on what a read throws', () => {
    const ours = new RangeError('ours')
    assert.throws(
      () =>
        database.read(() => {
          throw ours
        }),
      (error) => error === ours,
    )
  })

  test('does not disguise a mistake in our SQL as an outage', () => {
    assert.throws(
      () => database.read(() => database.statement('SELECT nonsense')),
      /no such column: nonsense/,
    )
  })

  test('answers an outage of the file with "storage.unavailable" and its cause', async () => {
    const read = async () =>
      database.read(() => database.statement("ATTACH '/nonexistent/folder/x.db' AS other").run())
    const error = await refusal(read(), 'storage.unavailable')
    assert.match(String(error.cause), /unable to open database/)
  })
})
