import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { aManager } from '../core/contract/knox-tokens.ts'
import type { KeyId } from '../core/ids.ts'
import { printKnoxToken } from '../core/keys/knox-token.ts'
import {
  type DumpedToken,
  type DumpRow,
  dumpedToken,
  dumpedTokens,
  HASH_KEY,
  temporaryFolder,
  writeCsvDump,
  writeSqliteDump,
} from '../imports/knox/testing/knox-dump.ts'
import { defaultSettings } from '../settings/read-settings.ts'
import { importKnox, type KnoxImport } from './import-knox.ts'
import { createLog } from './log.ts'
import { type OpenAuthority, openAuthority } from './open-authority.ts'
import { StartError } from './start-error.ts'

const COUNT = 10_000
const NOBODYS_PASSCODE = '00000000-0000-4000-8000-000000000000'

type Place = {
  readonly folder: string
  /** Imports from the dump, or from another source. */
  run(changed?: Partial<KnoxImport>): ReturnType<typeof importKnox>
  /** The store into which it imports; closed when the test ends. */
  open(): Promise<OpenAuthority>
}

function place(t: TestContext, rows: readonly DumpRow[]): Place {
  const folder = temporaryFolder(t)
  const source = join(folder, 'knox.db')
  writeSqliteDump(source, rows)
  const settings = { ...defaultSettings(), dataDir: join(folder, 'data') }
  const log = createLog({ level: 'fatal', format: 'json' })
  const request: KnoxImport = {
    source: `sqlite:${source}`,
    hashKey: HASH_KEY,
    algorithm: 'HmacSHA256',
    dryRun: false,
    includeExpired: false,
    ownerTrust: 'ordinary',
    onProgress: () => undefined,
  }
  return {
    folder,
    run: (changed) => importKnox(settings, log, { ...request, ...changed }),
    async open() {
      const opened = await openAuthority(settings, log)
      t.after(() => opened.close())
      return opened
    },
  }
}

/** How often each answer was given. */
async function answersTo(
  { authority }: OpenAuthority,
  tokens: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (let from = 0; from < tokens.length; from += 500) {
    const answers = tokens.slice(from, from + 500).map((token) => authority.verification.check(token, {}))
    for (const { refusal = 'valid' } of await Promise.all(answers)) {
      counts[refusal] = (counts[refusal] ?? 0) + 1
    }
  }
  return counts
}

function withWrongPasscode({ row }: DumpedToken): string {
  return printKnoxToken({ id: row.id, passcode: NOBODYS_PASSCODE })
}

async function keysIn({ authority }: OpenAuthority): Promise<number> {
  let count = 0
  let after: string | undefined
  do {
    const page = await authority.managedTokens.list(after === undefined ? {} : { after }, aManager())
    count += page.tokens.length
    after = page.next
  } while (after !== undefined)
  return count
}

describe('moving in from Knox', () => {
  test(`keeps each of ${COUNT} tokens working, and no other secret of their ids`, async (t) => {
    const tokens = dumpedTokens(COUNT)
    const { run, open } = place(
      t,
      tokens.map(({ row }) => row),
    )
    const progress: number[] = []
    const report = await run({ onProgress: (read) => progress.push(read) })
    assert.deepEqual(report, {
      read: COUNT,
      tokens: { imported: COUNT, corrected: 0, present: 0, ended: 0 },
      leftOut: { cookie: 0, expired: 0, incomplete: 0, unusable: 0 },
      strange: [],
    })
    assert.deepEqual(
      progress,
      Array.from({ length: COUNT / 500 }, (_, n) => 500 * (n + 1)),
    )

    const opened = await open()
    const good = tokens.map(({ token }) => token)
    const bad = tokens.map(withWrongPasscode)
    assert.deepEqual(await answersTo(opened, bad), { unknown: COUNT })
    assert.deepEqual(await answersTo(opened, good), { valid: COUNT })
    // Each is found by its fingerprint from now on, and what proved it is gone.
    for (const { row } of tokens) {
      assert.equal(await opened.storage.legacyKeys.find(row.id as KeyId), undefined)
    }
    assert.deepEqual(await answersTo(opened, good), { valid: COUNT })
    assert.deepEqual(await answersTo(opened, bad), { unknown: COUNT })

    const again = await run()
    assert.deepEqual(again.tokens, { imported: 0, corrected: 0, present: COUNT, ended: 0 })
    assert.equal(await keysIn(opened), COUNT)
    assert.deepEqual(await answersTo(opened, good.slice(0, 500)), { valid: 500 })
  })

  test('can be broken off and run again at any time, while the server goes on', async (t) => {
    const tokens = dumpedTokens(2_300)
    const { run, open } = place(
      t,
      tokens.map(({ row }) => row),
    )
    const opened = await open()
    let stopAt = 1_000
    const onProgress = (read: number): void => {
      if (read >= stopAt) throw new Error('pulled the plug')
    }
    await assert.rejects(run({ onProgress }), /pulled the plug/)
    assert.equal(await keysIn(opened), 1_000)
    assert.deepEqual(
      await answersTo(
        opened,
        tokens.slice(0, 1_000).map(({ token }) => token),
      ),
      { valid: 1_000 },
    )
    stopAt = 2_000
    await assert.rejects(run({ onProgress }), /pulled the plug/)
    const report = await run()
    assert.deepEqual(report.tokens, { imported: 300, corrected: 0, present: 2_000, ended: 0 })
    assert.equal(await keysIn(opened), 2_300)
    assert.deepEqual(
      await answersTo(
        opened,
        tokens.map(({ token }) => token),
      ),
      { valid: 2_300 },
    )
  })

  test('leaves out what nobody can use, and says how much of it', async (t) => {
    const cookie = { metadata: { type: 'KNOXSSO_COOKIE' } }
    const rows = [
      dumpedToken(0),
      dumpedToken(1, cookie),
      dumpedToken(2, { expiration: 1_600_000_000_000 }),
      dumpedToken(3, { expiration: 0 }),
      dumpedToken(4, { metadata: { type: 'something else' } }),
      dumpedToken(5, { id: 'no uuid\n' }),
      dumpedToken(6, { issueTime: null }),
    ].map(({ row }) => row)
    const { run } = place(t, rows)
    const report = await run()
    assert.equal(report.tokens.imported, 2)
    assert.deepEqual(report.leftOut, { cookie: 1, expired: 1, incomplete: 1, unusable: 2 })
    assert.deepEqual([...report.strange].sort(), [rows[4]?.id, rows[6]?.id, 'no uuid\\n'].sort())
    const more = await run({ includeExpired: true })
    assert.deepEqual(more.tokens, { imported: 1, corrected: 0, present: 2, ended: 0 })
  })

  test('does nothing at all when it is only tried, whether or not there is a store', async (t) => {
    const tokens = dumpedTokens(700)
    const { run, open, folder } = place(
      t,
      tokens.map(({ row }) => row),
    )
    const tried = await run({ dryRun: true })
    assert.equal(tried.tokens.imported, 700)
    assert.equal(existsSync(join(folder, 'data')), false)
    const opened = await open()
    const csv = temporaryFolder(t)
    writeCsvDump(
      csv,
      tokens.slice(0, 100).map(({ row }) => row),
    )
    await run({ source: `csv:${csv}` })
    const counts = { imported: 600, corrected: 0, present: 100, ended: 0 }
    assert.deepEqual((await run({ dryRun: true })).tokens, counts)
    assert.equal(await keysIn(opened), 100)
  })

  test('says what is wrong before anything is stored', async (t) => {
    const { run, folder } = place(t, [])
    for (const [changed, pattern] of [
      [{ source: `sqlite:${folder}/none.db` }, /no file/],
      [{ source: 'mysql://u:hunter2@h/db' }, /CSV/],
      [{ source: 'postgres://u:hunter2@127.0.0.1:1/db' }, /ECONNREFUSED/],
      [{ algorithm: 'HmacMD5' }, /HmacMD5/],
      [{ hashKey: '' }, /hash key is empty/],
    ] as const) {
      await assert.rejects(run(changed), (error: unknown) => {
        assert.ok(error instanceof StartError)
        assert.match(error.message, pattern)
        return !error.message.includes('hunter2')
      })
    }
    assert.equal(existsSync(join(folder, 'data')), false)
  })
})
