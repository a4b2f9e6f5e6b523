import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import { aKnoxKey } from '../contract/knox-keys-contract.ts'
import { anEvent, keyId } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'

const PROCESS = new URL('../contract/worker-process.ts', import.meta.url).pathname

test('a token that another process proves between two look-ups of one request is found by the second', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-legacy-'))
  const url = `sqlite:${join(folder, 'x.db')}`
  const storage = await openStorage(url)
  t.after(async () => {
    await storage.close()
    rmSync(folder, { recursive: true })
  })
  const { keys, legacyKeys } = storage
  const proof = {
    hashKey: 'hash key',
    mac: { algorithm: 'HmacSHA256', stored: 'bWFj', issueTime: 1, userName: 'ann' },
  } as const
  await legacyKeys.importKeys([{ key: aKnoxKey('a', 'ann'), proof, event: anEvent('key.import', 'a') }])

  // All in one callback of the event loop, as one request does it; the other process ends meanwhile.
  assert.equal(keys.lookUp(fingerprintOf('a')), undefined)
  const told = execFileSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', PROCESS, url, 'adopt', 'a'],
    { encoding: 'utf8' },
  )
  assert.equal(told, 'adopted true\n')
  assert.equal(legacyKeys.find(keyId('a')), undefined)
  const found = keys.lookUp(fingerprintOf('a'))
  assert.ok(!(found instanceof Promise))
  assert.equal(found?.key.id, 'a')
})
