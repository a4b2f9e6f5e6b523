import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { anEvent, userId, withUsers } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-users-'))
after(() => rmSync(folder, { recursive: true }))

const KEYS = 100_000
const FILL = `
  INSERT INTO keys (fingerprint, id, owner, description, created_by, created_at)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${KEYS})
  SELECT randomblob(32), 'k' || i, 'ann', 'a key', 'tester', 1000 FROM n;
  INSERT INTO owner_stats (owner, key_count) VALUES ('ann', ${KEYS});`

test('a user with 100,000 keys goes with all of them in one commit', { timeout: 30_000 }, async () => {
  const path = join(folder, 'x.db')
  const storage = await openStorage(`sqlite:${path}`)
  await withUsers(storage, 'ann')
  const other = new DatabaseSync(path)
  other.exec(`BEGIN; ${FILL} COMMIT`)
  const commits = () => Number(other.prepare('PRAGMA data_version').get()?.['data_version'])
  const before = commits()

  const { endedTokens } = await storage.users.remove(userId('ann'), anEvent('user.delete'))

  assert.equal(commits(), before + 1)
  assert.equal(new Set(endedTokens).size, KEYS)
  assert.equal(other.prepare('SELECT count(*) AS n FROM keys').get()?.['n'], 0)
  assert.equal(await storage.keys.countByOwner(userId('ann')), 0)
  other.close()
  await storage.close()
})
