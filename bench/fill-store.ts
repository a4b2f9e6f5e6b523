import { randomBytes, randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import type { Fingerprint } from '../server/src/core/keys/fingerprint.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { startBenchServer } from './servers.ts'

/** Inserts that are under way at once: what a busy server would have waiting. */
const AT_ONCE = 1_000
const OWNER = 'melis' as UserId
const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname

/** A store with the wanted number of keys. */
export type Filled = {
  /** Of the one key that was issued by the server itself. */
  readonly token: string
  /** A session of the administrator. */
  readonly session: string
  /** Durable inserts through the storage driver, `AT_ONCE` under way. */
  readonly insertsPerSecond: number
  readonly fileMiB: number
}

/** Creates an administrator, a user and one key through the API, then adds keys until there are `count`. */
export async function fillStore(file: string, count: number): Promise<Filled> {
  const first = await issueFirstKey(file)
  const storage = await openStorage(`sqlite:${file}`)
  const startedAt = performance.now()
  for (let done = 1; done < count; done += AT_ONCE) {
    const batch = Math.min(AT_ONCE, count - done)
    await Promise.all(Array.from({ length: batch }, (_, n) => insertKey(storage, done + n)))
    if (done % 100_000 < AT_ONCE) process.stderr.write(`  ${done} of ${count} keys\n`)
  }
  const seconds = (performance.now() - startedAt) / 1000
  await storage.close()
  return {
    ...first,
    insertsPerSecond: count > 1 ? (count - 1) / seconds : Number.NaN,
    fileMiB: statSync(file).size / 2 ** 20,
  }
}

async function issueFirstKey(file: string): Promise<Pick<Filled, 'token' | 'session'>> {
  const server = await startBenchServer(
    MAIN,
    ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', dirname(file)],
    { LATCHKEY_LOG_LEVEL: 'warn' },
  )
  const post = async (path: string, body: unknown, token?: string) => {
    const answer = await fetch(server.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    const { result, error } = JSON.parse(await answer.text())
    if (error !== null) throw new Error(`${path}: ${error.message}`)
    return result
  }
  try {
    const credentials = { local: { username: 'admin', password: 'a password for benchmarks' } }
    await post('/_createFirstAdmin/admin', { content: {}, credentials })
    const { jwt } = await post('/_login/local', credentials.local)
    await post(
      `/users/${OWNER}/_create`,
      {
        content: { profileIds: ['default'] },
        credentials: { local: { username: OWNER, password: 'password' } },
      },
      jwt,
    )
    const key = await post(`/users/${OWNER}/api-keys/_create`, { description: 'the one that is used' }, jwt)
    return { token: key._source.token, session: jwt }
  } finally {
    await server.stop()
  }
}

function insertKey(storage: Awaited<ReturnType<typeof openStorage>>, number: number): Promise<void> {
  const now = Date.now()
  const id = randomUUID() as KeyId
  return storage.keys.insert(
    {
      id,
      owner: OWNER,
      description: `device number ${number}`,
      fingerprint: randomBytes(32).toString('hex') as Fingerprint,
      record: { createdBy: OWNER, createdAt: now },
    },
    undefined,
    {
      at: now,
      action: 'key.create',
      outcome: 'done',
      actor: OWNER,
      subject: `key:${id}`,
      origin: { carrier: 'bench', requestId: id, local: true },
    },
  )
}
