import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DomainError } from '../../core/errors.ts'
import { numbers, refusal } from '../contract/records.ts'
import { CommitQueue, FAILING_FOR_MS } from './commit-queue.ts'

describe('group commit', () => {
  let folder: string
  let connection: DatabaseSync
  let other: DatabaseSync

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-commit-'))
    connection = new DatabaseSync(join(folder, 'x.db'))
    connection.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
      CREATE TABLE children (
        n INTEGER PRIMARY KEY,
        parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
      ) STRICT;`)
    other = new DatabaseSync(join(folder, 'x.db'))
  })

  afterEach(() => {
    if (connection.isOpen) connection.close()
    other.close()
    rmSync(folder, { recursive: true })
  })

  const queueOf = (bounds: { waitingMax?: number; lockWaitMaxMs?: number } = {}) =>
    new CommitQueue(connection, { waitingMax: 1_000, lockWaitMaxMs: 5_000, ...bounds })
  const insert = (n: number) => () => connection.exec(`INSERT INTO children (n) VALUES (${n})`)
  const seenByOthers = () => Number(other.prepare('SELECT count(*) AS n FROM children').get()?.['n'])
  const commitsSeenByOthers = () => Number(other.prepare('PRAGMA data_version').get()?.['data_version'])

  test('changes of one turn share one commit, and are answered in order after it', async () => {
    const queue = queueOf()
    const before = commitsSeenByOthers()
    const order: number[] = []
    const answers = numbers(100).map((n) =>
      queue.add(insert(n)).then(() => {
        order.push(n)
        return seenByOthers()
      }),
    )
    assert.equal(seenByOthers(), 0)
    assert.deepEqual(new Set(await Promise.all(answers)), new Set([100]))
    assert.deepEqual(order, numbers(100))
    assert.equal(commitsSeenByOthers(), before + 1)
  })

  test('more changes than one group takes are all committed', async () => {
    const queue = queueOf()
    await Promise.all(numbers(1_000).map((n) => queue.add(insert(n))))
    assert.equal(seenByOthers(), 1_000)
  })

  test('a change that throws is undone alone, and rejects with what it threw', async () => {
    const queue = queueOf()
    const ours = new DomainError('key.id_taken', 'taken')
    const results = await Promise.allSettled([
      queue.add(insert(1)),
      queue.add(() => {
        insert(2)()
        throw ours
      }),
      queue.add(insert(3)),
    ])
    assert.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason : 'done')),
      ['done', ours, 'done'],
    )
    assert.equal(seenByOthers(), 2)
  })

  test('a commit that fails rejects every change of its group, and the next group works', async () => {
    const queue = queueOf()
    const results = await Promise.allSettled([
      queue.add(insert(1)),
      // SQLite looks at this reference at COMMIT only.
      queue.add(() => connection.exec('INSERT INTO children (n, parent) VALUES (2, 404)')),
      queue.add(insert(3)),
    ])
    for (const result of results) {
      assert.equal(result.status, 'rejected')
      assert.match(String(result.reason), /FOREIGN KEY/)
    }
    assert.equal(seenByOthers(), 0)
    await queue.add(insert(4))
    assert.equal(seenByOthers(), 1)
  })

  test('a full disk rejects the changes with "storage.unavailable" and its cause, and stores none of them', async () => {
    const queue = queueOf()
    const { page_count: pages } = connection.prepare('PRAGMA page_count').get() ?? {}
    connection.exec(`PRAGMA max_page_count = ${Number(pages)}; CREATE TEMP TABLE big (x)`)
    const fill = () => connection.exec('CREATE TABLE filler AS SELECT randomblob(100000) AS x')
    const results = [queue.add(insert(1)), queue.add(fill)]
    const settled = await Promise.allSettled(results)
    const error = await refusal(queue.add(fill), 'storage.unavailable')
    assert.match(String(error.cause), /full/)
    const [first, second] = settled
    assert.equal(second?.status, 'rejected')
    // Whether SQLite gives up the whole transaction is its choice; what was acknowledged is there either way.
    assert.equal(seenByOthers(), first?.status === 'fulfilled' ? 1 : 0)
  })

  test('is failing for a while after an outage, and not after a mistake of a caller', async () => {
    const queue = queueOf()
    const { page_count: pages } = connection.prepare('PRAGMA page_count').get() ?? {}
    const fill = () => connection.exec('CREATE TABLE filler AS SELECT randomblob(100000) AS x')
    await queue.add(insert(1))
    await assert.rejects(queue.add(() => assert.fail('a mistake of the caller')))
    assert.equal(queue.isFailing(), false)
    connection.exec(`PRAGMA max_page_count = ${Number(pages)}`)
    await refusal(queue.add(fill), 'storage.unavailable')
    await queue.add(insert(2))
    assert.equal(queue.isFailing(), true)
    assert.equal(queue.isFailing(performance.now() + FAILING_FOR_MS), false)
  })

  test('waits for another writer without stopping the event loop', async () => {
    const queue = queueOf()
    other.exec('BEGIN IMMEDIATE')
    let turns = 0
    const change = queue.add(insert(1))
    while (turns < 1_000) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    other.exec('COMMIT')
    await change
    assert.equal(seenByOthers(), 1)
  })

  test('gives up with "storage.unavailable" and its cause when another writer never ends', async () => {
    const queue = queueOf({ lockWaitMaxMs: 30 })
    other.exec('BEGIN IMMEDIATE')
    const error = await refusal(queue.add(insert(1)), 'storage.unavailable')
    assert.match(String(error.cause), /locked/)
    assert.equal(queue.isFailing(), false)
    other.exec('COMMIT')
    await queue.add(insert(2))
    assert.equal(seenByOthers(), 1)
  })

  test('refuses with "server.overloaded" what would wait behind too many others', async () => {
    const queue = queueOf({ waitingMax: 3 })
    const accepted = numbers(3).map((n) => queue.add(insert(n)))
    const error = await refusal(queue.add(insert(3)), 'server.overloaded')
    assert.deepEqual(error.facts, { waitingMax: 3 })
    await Promise.all(accepted)
    await queue.add(insert(4))
    assert.equal(seenByOthers(), 4)
  })

  test('closes only after every accepted change is answered, also when it must wait for a lock', async () => {
    const queue = queueOf()
    other.exec('BEGIN IMMEDIATE')
    let answered = 0
    const changes = numbers(600).map((n) => queue.add(insert(n)).then(() => (answered += 1)))
    const closed = queue.close()
    await refusal(queue.add(insert(1_000)), 'storage.unavailable')
    other.exec('COMMIT')
    await closed
    assert.equal(seenByOthers(), 600)
    await Promise.all(changes)
    assert.equal(answered, 600)
  })
})
