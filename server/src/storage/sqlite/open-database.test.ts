import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { aKey, anEvent, refusal, revokeKey } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { migrate, readMigrations } from './migrate.ts'
import { openDatabase } from './open-database.ts'

const BOUNDS = { waitingMax: 10, lockWaitMaxMs: 100 }

describe('opening an SQLite file', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-open-'))
    path = join(folder, 'x.db')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const inFile = <T>(work: (connection: DatabaseSync) => T): T => {
    const connection = new DatabaseSync(path)
    try {
      return work(connection)
    } finally {
      connection.close()
    }
  }
  const schemaOf = () => inFile((file) => file.prepare('SELECT * FROM sqlite_schema ORDER BY name').all())
  const open = () => openStorage(`sqlite:${path}`, { lockWaitMaxMs: 100 })
  const openAndClose = async () => (await open()).close()

  test('creates missing folders, and files that only their owner can read', async () => {
    path = join(folder, 'a', 'b', 'x.db')
    const storage = await open()
    await storage.keys.insert(aKey('k', '-1'), undefined, anEvent('key.create'))
    for (const suffix of ['', '-wal', '-shm'])
      assert.equal(statSync(path + suffix).mode & 0o777, 0o600, suffix)
    assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700)
    await storage.close()
  })

  test('writes through to the disk at every commit, with references enforced', async () => {
    const database = await openDatabase(path, BOUNDS)
    const pragma = (name: string) => database.statement(`PRAGMA ${name}`).get()?.[0]
    assert.equal(pragma('journal_mode'), 'wal')
    assert.equal(pragma('synchronous'), 2)
    assert.equal(pragma('foreign_keys'), 1)
    await database.change(() => undefined)
    assert.equal(pragma('busy_timeout'), 2_000)
    await database.close()
  })

  test('opening again changes neither schema nor data', async () => {
    await openAndClose()
    const before = schemaOf()
    const storage = await open()
    await storage.keys.insert(aKey('k', '-1'), undefined, anEvent('key.create'))
    await storage.close()
    const again = await open()
    assert.deepEqual(await again.keys.findById(aKey('k', '-1').id), aKey('k', '-1'))
    await again.close()
    assert.deepEqual(schemaOf(), before)
    const applied = inFile((file) => file.prepare('SELECT version, name FROM schema_migrations').all())
    assert.deepEqual(
      applied.map((row) => ({ ...row })),
      readMigrations().map(({ version, name }) => ({ version, name })),
    )
  })

  test('brings a store of the schema before keys had a life cycle up to date, and its keys work on', async () => {
    inFile((file) => {
      migrate(file, readMigrations().slice(0, 3))
      file.exec(`
        INSERT INTO keys (fingerprint, id, owner, description, ttl_ms, expires_at, created_by, created_at)
          VALUES (x'${aKey('old', '-1').fingerprint}', 'old', '-1', 'key old', 5, 6, 'tester', 1000);
        INSERT INTO owner_stats (owner, key_count) VALUES ('-1', 1);`)
    })
    const storage = await open()
    const { keys } = storage
    const old = aKey('old', '-1', { ttlMs: 5, expiresAt: 6 })
    assert.deepEqual(await keys.lookUp(old.fingerprint), { key: old })
    assert.deepEqual(await keys.list({ now: 6, state: 'expired' }, { limit: 9 }), { keys: [old] })
    await keys.noteUses([
      { id: old.id, since: 7_000, lastUsedAt: 7_000, days: new Map([[1, { accepted: 1, refused: 0 }]]) },
    ])
    await keys.update(
      old.id,
      (key) => ({ ...key, policy: { credits: { initial: 3 } } }),
      anEvent('key.update'),
    )
    assert.equal((await keys.spend(old.id, 1, 7))?.remaining, 2)
    const used = await keys.findById(old.id)
    assert.deepEqual(used, { ...old, lastUsedAt: 7_000, policy: { credits: { initial: 3 } } })
    await revokeKey(keys, old.id)
    assert.notEqual((await keys.lookUp(old.fingerprint))?.revocation, undefined)
    assert.deepEqual(await keys.restore(old.id, { revokedSince: 0 }, anEvent('key.restore')), used)
    await storage.close()
  })

  test('every table is STRICT', async () => {
    await openAndClose()
    const loose = inFile((file) =>
      file
        .prepare(
          "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
        )
        .all(),
    )
    assert.deepEqual(loose, [])
  })

  test('refuses a newer schema, says which, and leaves it alone', async () => {
    await openAndClose()
    const known = readMigrations().length
    inFile((file) =>
      file.exec(`INSERT INTO schema_migrations (version, name) VALUES (${known + 1}, 'future')`),
    )
    const before = readFileSync(path)
    const error = await refusal(open(), 'storage.unavailable')
    assert.match(error.message, new RegExp(`version ${known + 1}.*up to ${known}.*newer Latchkey`))
    assert.deepEqual(readFileSync(path), before)
  })

  test('refuses a file that is no SQLite database, and leaves it alone', async () => {
    writeFileSync(path, 'this is no database, but it is long enough to look at '.repeat(100))
    const before = readFileSync(path)
    const error = await refusal(open(), 'storage.unavailable')
    assert.match(error.message, /x\.db": the file is not an SQLite database$/)
    assert.deepEqual(readFileSync(path), before)
  })

  test("refuses another program's database, and leaves it alone", async () => {
    inFile((file) => file.exec('CREATE TABLE theirs (x)'))
    const before = readFileSync(path)
    const error = await refusal(open(), 'storage.unavailable')
    assert.match(error.message, /database of another program$/)
    assert.deepEqual(readFileSync(path), before)
  })

  test('says so when the schema of the file is damaged', async () => {
    await openAndClose()
    const bytes = readFileSync(path)
    bytes.fill(0xff, 100, 4_096)
    writeFileSync(path, bytes)
    const error = await refusal(open(), 'storage.unavailable')
    assert.match(error.message, /x\.db": .*malformed/)
  })

  test('says so when the path is a folder', async () => {
    mkdirSync(path)
    assert.match((await refusal(open(), 'storage.unavailable')).message, /x\.db": EISDIR/)
  })

  test('says so when another process keeps the file locked', async () => {
    const other = new DatabaseSync(path)
    other.exec('BEGIN EXCLUSIVE; CREATE TABLE t (x)')
    assert.match((await refusal(open(), 'storage.unavailable')).message, /x\.db": .*locked/)
    other.close()
  })
})

describe('migrations', () => {
  const versionsOf = (connection: DatabaseSync) =>
    connection
      .prepare('SELECT version FROM schema_migrations ORDER BY version')
      .all()
      .map((row) => row['version'])
  const first = { version: 1, name: 'first', sql: 'CREATE TABLE a (x INTEGER) STRICT' }
  const second = { version: 2, name: 'second', sql: 'ALTER TABLE a ADD COLUMN y INTEGER' }
  const broken = { version: 2, name: 'broken', sql: 'CREATE TABLE b (x INTEGER) STRICT; SELECT nonsense' }

  test('only the missing ones are applied, in order', () => {
    const connection = new DatabaseSync(':memory:')
    migrate(connection, [first])
    connection.exec('INSERT INTO a (x) VALUES (1)')
    migrate(connection, [first, second])
    migrate(connection, [first, second])
    assert.deepEqual(versionsOf(connection), [1, 2])
    assert.deepEqual({ ...connection.prepare('SELECT x, y FROM a').get() }, { x: 1, y: null })
  })

  test('one that fails is undone whole, with those that came before it in the same start', () => {
    const connection = new DatabaseSync(':memory:')
    assert.throws(() => migrate(connection, [first, broken]), /nonsense/)
    assert.deepEqual(connection.prepare('SELECT name FROM sqlite_schema').all(), [])
    migrate(connection, [first, second])
    assert.deepEqual(versionsOf(connection), [1, 2])
  })

  test('a folder with a strange name, or a number used twice, is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-migrations-'))
    const url = pathToFileURL(`${folder}/`)
    writeFileSync(join(folder, '0001-one.sql'), '')
    writeFileSync(join(folder, 'README.md'), '')
    assert.deepEqual(readMigrations(url), [{ version: 1, name: 'one', sql: '' }])
    writeFileSync(join(folder, '0002-two.sql'), '-- compatible from 0001\nSELECT 1')
    assert.deepEqual(readMigrations(url)[1]?.compatibleFrom, 1)
    writeFileSync(join(folder, '0002-too.sql'), '')
    assert.throws(() => readMigrations(url), /two of number 2/)
    rmSync(join(folder, '0002-too.sql'))
    writeFileSync(join(folder, 'three.sql'), '')
    assert.throws(() => readMigrations(url), /"three.sql": its name must be NNNN-words.sql/)
    rmSync(folder, { recursive: true })
  })
})
