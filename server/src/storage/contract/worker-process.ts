import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { DomainError } from '../../core/errors.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { openStorage } from '../open-storage.ts'
import { aKey, anEvent, aRole, keyId, numbers, roleId, userId } from './records.ts'

/*
 * A second process on one store, for tests: `node worker-process.ts URL TASK NAME COUNT`. What it did is told on its
 * standard output, a line each, only after the store acknowledged it.
 */

type Task = (storage: Storage, name: string, count: number) => Promise<void>

const TASKS: Readonly<Record<string, Task>> = {
  contend,
  churn,
  obey,
}

/** Tells the parent something at once, even when this process is killed right afterwards. */
function tell(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Adds to a shared counter and fills a shared owner, many at a time, together with other processes. */
async function contend(storage: Storage, name: string, count: number): Promise<void> {
  await Promise.all(numbers(8).map((lane) => contendInLane(storage, `${name}-${lane}`, count)))
}

async function contendInLane(storage: Storage, name: string, count: number): Promise<void> {
  for (const n of numbers(count)) {
    const counted = storage.users.update(
      userId('shared'),
      (user) => ({ ...user, content: { n: Number(user.content['n'] ?? 0) + 1 } }),
      anEvent('user.update', name),
    )
    const key = aKey(`${name}-${n}`, 'shared')
    const stored = await storage.keys
      .insert(key, 100, anEvent('key.create', key.id))
      .then(() => true, isOwnerFull)
    const found = await storage.keys.findByFingerprint(key.fingerprint)
    if (stored !== (found !== undefined))
      throw new Error(`Cannot trust ${key.id}: its insert was not what is read`)
    if (stored) tell(`stored ${key.id}`)
    await counted
    tell('counted')
  }
}

function isOwnerFull(error: unknown): boolean {
  if (error instanceof DomainError && error.code === 'key.owner_full') return false
  throw error
}

/** Creates keys and deletes every second one, 64 at a time, until it is killed. */
async function churn(storage: Storage, name: string): Promise<void> {
  await Promise.all(numbers(64).map((lane) => churnInLane(storage, `${name}-${lane}`)))
}

async function churnInLane(storage: Storage, name: string): Promise<void> {
  for (let n = 0; ; n += 1) {
    const key = aKey(`${name}-${n}`, '-1')
    await storage.keys.insert(key, undefined, anEvent('key.create', key.id))
    tell(`created ${key.id}`)
    if (n % 2 === 0) continue
    tell(`deleting ${key.id}`)
    await storage.keys.remove(key.owner, key.id, anEvent('key.delete', key.id))
    tell(`deleted ${key.id}`)
  }
}

/** Does what the parent's lines say: `role ID NOTE`, `key ID`, `unkey ID`, `read ID`. */
async function obey(storage: Storage): Promise<void> {
  tell('ready')
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', (line: string) => {
    obeyLine(storage, line.trim().split(' ')).then(tell, (error: unknown) => tell(`failed ${String(error)}`))
  })
  await once(process.stdin, 'end')
}

async function obeyLine(storage: Storage, words: readonly string[]): Promise<string> {
  const [order, id = '', note = ''] = words
  if (order === 'role') {
    await storage.access.putRole(aRole(id, { content: { note } }), 'replace', anEvent('role.replace'))
  } else if (order === 'key') {
    await storage.keys.insert(aKey(id, '-1'), undefined, anEvent('key.create'))
  } else if (order === 'unkey') {
    await storage.keys.remove(userId('-1'), keyId(id), anEvent('key.delete'))
  } else {
    return `note ${(await storage.access.findRole(roleId(id)))?.content['note']}`
  }
  return 'done'
}

const [url = '', task = '', name = '', count = '0'] = process.argv.slice(2)
const run = TASKS[task]
if (run === undefined) throw new Error(`Cannot run task "${task}": there is none of that name`)
const storage = await openStorage(url)
await run(storage, name, Number(count))
await storage.close()
