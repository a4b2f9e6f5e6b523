import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import { fingerprintOf } from '../server/src/core/keys/fingerprint.ts'
import { mintNativeToken } from '../server/src/core/keys/native-token.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { createNodeRandomness } from '../server/src/system/node-randomness.ts'
import { startBenchServer } from './servers.ts'

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const KEYSPACE = { prefix: 'lk', environment: 'live' }
const OWNER = 'melis' as UserId

/** Inserts that are under way at once. */
const AT_ONCE = 4_000

/** Keys that the load uses in turn; of fewer, all. */
export const USED_KEYS = 10_000

/** A store with keys, and what the load needs to use them. */
export type KeyStoreFile = {
  readonly file: string
  /** Of keys spread evenly over all. */
  readonly tokens: readonly string[]
  /** A key whose owner may verify others. */
  readonly caller: string
}

/** A store of `count` keys in `directory`; one that an earlier run left there is used again. */
export async function keyStoreFile(directory: string, count: number): Promise<KeyStoreFile> {
  const file = join(directory, `${count}.db`)
  const known = join(directory, `${count}.json`)
  if (existsSync(known)) return JSON.parse(readFileSync(known, 'utf8'))
  const filled = { file, ...(await fillWithKeys(`sqlite:${file}`, count, directory)) }
  writeFileSync(known, JSON.stringify(filled))
  return filled
}

/** Puts `count` keys into an empty store. `directory`: for files that a server writes. */
export async function fillWithKeys(
  url: string,
  count: number,
  directory: string,
): Promise<Omit<KeyStoreFile, 'file'>> {
  const caller = await issueCaller(url, directory)
  const storage = await openStorage(url)
  try {
    return { tokens: await insertKeys(storage, count), caller }
  } finally {
    await storage.close()
  }
}

async function insertKeys(storage: Storage, count: number): Promise<readonly string[]> {
  const randomness = createNodeRandomness()
  const used: string[] = []
  const every = Math.max(1, Math.floor(count / USED_KEYS))
  for (let done = 0; done < count; done += AT_ONCE) {
    const inserts: Promise<void>[] = []
    for (let number = done; number < Math.min(done + AT_ONCE, count); number++) {
      const { token, hint } = mintNativeToken(randomness, KEYSPACE)
      if (number % every === 0) used.push(token)
      inserts.push(insertKey(storage, token, hint))
    }
    await Promise.all(inserts)
    if (done % 100_000 === 0) process.stderr.write(`  ${done} of ${count} keys\n`)
  }
  return used
}

function insertKey(storage: Storage, token: string, hint: string): Promise<void> {
  const at = Date.now()
  const id = randomUUID() as KeyId
  const origin = { carrier: 'bench', requestId: id, local: true }
  return storage.keys.insert(
    {
      id,
      owner: OWNER,
      description: 'device in the field',
      fingerprint: fingerprintOf(token),
      record: { createdBy: OWNER, createdAt: at },
      family: 'native',
      hint,
    },
    undefined,
    { at, action: 'key.create', outcome: 'done', actor: OWNER, subject: `key:${id}`, origin },
  )
}

/** Creates an administrator with a key that may verify, and the owner of all other keys. */
async function issueCaller(url: string, directory: string): Promise<string> {
  const server = await startBenchServer(MAIN, ['--port', '0', '--storage', url, '--data-dir', directory], {
    LATCHKEY_LOG_LEVEL: 'warn',
  })
  const post = async (path: string, body: unknown, token?: string) => {
    const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` }
    const answer = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return JSON.parse(await answer.text())
  }
  try {
    const local = { username: 'admin', password: 'a password for benchmarks' }
    await post('/_createFirstAdmin/admin', { content: {}, credentials: { local } })
    const session = (await post('/_login/local', local)).result.jwt
    const credentials = { local: { username: OWNER, password: 'password' } }
    await post(`/users/${OWNER}/_create`, { content: { profileIds: ['default'] }, credentials }, session)
    const key = await post(
      '/v1/keys',
      { owner: 'admin', description: 'verifier', scopes: ['keys:verify'] },
      session,
    )
    return key.key
  } finally {
    await server.stop()
  }
}
