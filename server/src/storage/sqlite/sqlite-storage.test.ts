import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { describeStorageContract } from '../contract/storage-contract.ts'
import { openStorage } from '../open-storage.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-storage-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let files = 0

describeStorageContract('SQLite in memory', () => openStorage('sqlite::memory:'))
describeStorageContract('SQLite on disk', () => {
  files += 1
  return openStorage(`sqlite:${join(folder, `${files}.db`)}`)
})
