import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KeyFilter } from '../../core/ports/key-store.ts'
import { userId } from '../contract/records.ts'
import type { SqliteDatabase } from './database.ts'
import { createKeyListing } from './key-listing.ts'
import { openDatabase } from './open-database.ts'

describe('how SQLite reads lists of keys', () => {
  let database: SqliteDatabase
  let executed: string[]

  before(async () => {
    database = await openDatabase(':memory:', { waitingMax: 10, lockWaitMaxMs: 100 })
    const prepare = database.statement.bind(database)
    database.statement = (text) => {
      executed.push(text)
      return prepare(text)
    }
  })
  after(() => database.close())

  /** The steps of all statements that such a listing executes. */
  async function plansOf(filter: Omit<KeyFilter, 'now'>): Promise<readonly string[]> {
    executed = []
    await createKeyListing(database).list({ now: 5, ...filter }, { limit: 10 })
    return [...executed].flatMap((text) =>
      database
        .statement(`EXPLAIN QUERY PLAN ${text}`)
        .all()
        .map((row) => String(row[3])),
    )
  }

  const owner = userId('ann')
  const listings: readonly (readonly [string, Omit<KeyFilter, 'now'>, RegExp])[] = [
    ['all keys', {}, /SEARCH keys USING INTEGER PRIMARY KEY/],
    ['an owner', { owner }, /SEARCH keys USING INDEX keys_by_owner \(owner=\? AND (rowid|seq)>\?\)/],
    ['metadata of an owner', { owner, metadata: { a: 1 } }, /USING (COVERING )?INDEX keys_by_owner/],
    [
      'keys that expire soon',
      { expiringBefore: 9 },
      /USING COVERING INDEX keys_by_end \(expires_at>\? AND expires_at<\?\)/,
    ],
    [
      'expired keys of an owner',
      { owner, state: 'expired' },
      /USING COVERING INDEX keys_by_end \(expires_at<\?\)/,
    ],
    ['idle keys', { state: 'expired' }, /USING COVERING INDEX keys_with_idle_timeout/],
    ['disabled keys', { state: 'disabled' }, /USING COVERING INDEX keys_by_disabling/],
    ['unused keys', { unusedSince: 9 }, /^SEARCH keys/],
    ['revoked keys', { state: 'revoked' }, /SEARCH revoked_keys USING INTEGER PRIMARY KEY/],
    [
      'revoked keys of an owner',
      { owner, state: 'revoked' },
      /USING INDEX revoked_keys_by_owner \(owner=\? AND (rowid|seq)>\?\)/,
    ],
  ]
  for (const [what, filter, expected] of listings) {
    test(`${what} are found by an index, and never by reading or sorting all`, async () => {
      const steps = await plansOf(filter)
      assert.ok(
        steps.some((step) => expected.test(step)),
        steps.join(' | '),
      )
      // JSON is no table, and neither do the indexes of a few keys hold others.
      const scans = steps.filter((step) => /\bSCAN\b/.test(step))
      for (const scan of scans) {
        assert.match(
          scan,
          /SCAN json_each VIRTUAL TABLE|SCAN keys USING COVERING INDEX keys_(by_disabling|with_idle)/,
        )
      }
      assert.ok(
        filter.state !== undefined || !steps.some((step) => step.includes('TEMP B-TREE')),
        steps.join(' | '),
      )
    })
  }
})
