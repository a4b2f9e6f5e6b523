import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../core/errors.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { openStorage } from '../open-storage.ts'
import { obeyOrder } from './orders.ts'
import { aKey, anEvent, aRevocation, keyId, numbers, userId } from './records.ts'

/*
 * A second process on one store, for tests: `node worker-process.ts URL TASK NAME COUNT`. What it did is told on its
 * standard output, a line each, only after the store acknowledged it.
 */

type Task = (storage: Storage, name: string, count: number) => Promise<void>

const TASKS: Readonly<Record<string, Task>> = {
  contend,
  churn,
  spend,
  drain,
  adopt,
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
    const found = await storage.keys.lookUp(key.fingerprint)
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
    await storage.keys.revoke(key.id, { revocation: aRevocation() }, anEvent('key.delete', key.id))
    tell(`deleted ${key.id}`)
  }
}

/** Spends from keys `budget` and `refilled`, many at a time, until nothing is left of either. */
async function spend(storage: Storage): Promise<void> {
  await Promise.all(numbers(8).map(() => spendInLane(storage)))
}

async function spendInLane(storage: Storage): Promise<void> {
  for (const id of ['budget', 'refilled']) {
    while ((await storage.keys.spend(keyId(id), 1, 2_000))?.spent) tell(`spent ${id}`)
  }
}

/** Spends from the key `name`, 8 at a time, until it is killed: after `count` credits, slowly. */
async function drain({ keys }: Storage, name: string, count: number): Promise<void> {
  let spent = 0
  await Promise.all(
    numbers(8).map(async () => {
      while ((await keys.spend(keyId(name), 1, 2_000))?.spent) {
        tell(`spent ${name}`)
        spent += 1
        if (spent > count) await sleep(10)
      }
    }),
  )
}

/** Proves the token of a key that was issued elsewhere, and stores its fingerprint. */
async function adopt({ legacyKeys }: Storage, id: string): Promise<void> {
  const secret = await legacyKeys.find(keyId(id))
  if (secret === undefined) throw new Error(`Cannot adopt ${id}: nothing proves its token`)
  tell(`adopted ${await legacyKeys.adopt(secret, fingerprintOf(id), anEvent('key.rehash', id))}`)
}

/** Does what the parent's lines say; see `orders.ts`. */
async function obey(storage: Storage): Promise<void> {
  tell('ready')
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', (line: string) => {
    obeyOrder(storage, line.trim()).then(tell, (error: unknown) => tell(`failed ${String(error)}`))
  })
  await once(process.stdin, 'end')
}

const [url = '', task = '', name = '', count = '0'] = process.argv.slice(2)
const run = TASKS[task]
if (run === undefined) throw new Error(`Cannot run task "${task}": there is none of that name`)
const storage = await openStorage(url)
await run(storage, name, Number(count))
await storage.close()
