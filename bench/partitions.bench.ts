import { hash, randomUUID } from 'node:crypto'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import type { ApiKey } from '../server/src/core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../server/src/core/keys/fingerprint.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { partitionKeys } from '../server/src/storage/postgres/partition-keys.ts'
import { type PostgresServer, startPostgres } from '../server/src/storage/postgres/testing/postgres-server.ts'
import { describeMachine, median } from './machine.ts'

const LAYOUTS = [1, 16, 64]
const KEYS = 1_000_000
const OWNERS = 50_000
const ROUNDS = 7
/** Under way at once. */
const AT_ONCE = 64
/** So that look-ups miss the memory of the node. */
const KEYS_IN_MEMORY = 1_000
/** A server of a store that is as durable as PostgreSQL is when nobody changes its configuration. */
const DURABLE = { fsync: 'on', full_page_writes: 'on', shared_buffers: '1GB' }

type Contender = { readonly partitions: number; readonly storage: Storage; readonly bytesPerKey: number }

/** Something that is done a number of times; `n` tells one time from the others. */
type Work = {
  readonly name: string
  readonly times: number
  run(storage: Storage, n: number): Promise<unknown>
}

const ownerOf = (n: number): UserId => `owner-${n % OWNERS}` as UserId
const anyOf = (): number => Math.floor(Math.random() * KEYS)

function newKey(owner: UserId): ApiKey {
  const id = randomUUID() as KeyId
  return {
    id,
    owner,
    description: 'device in the field',
    fingerprint: fingerprintOf(id),
    record: { createdBy: owner, createdAt: Date.now() },
    // Owners of Knox's keys need not be users.
    family: 'knox',
    knox: { type: 'API_KEY' },
  }
}

const WORKS: readonly Work[] = [
  {
    name: 'look-up by fingerprint, past memory',
    times: 4_000,
    run: async ({ keys }) => {
      const found = await keys.lookUp(hash('sha256', `nobody${anyOf()}`) as Fingerprint)
      if (found === undefined) throw new Error('a stored key was not found')
    },
  },
  {
    name: 'look-up by id',
    times: 4_000,
    run: async ({ keys }) => {
      const found = await keys.findById(`copy-${anyOf()}` as KeyId)
      if (found === undefined) throw new Error('a stored key was not found')
    },
  },
  {
    name: "first page of an owner's keys",
    times: 2_000,
    run: ({ keys }) => keys.list({ owner: ownerOf(anyOf()), now: Date.now() }, { limit: 20 }),
  },
  {
    name: 'create, durable',
    times: 1_500,
    run: ({ keys }, n) => {
      const key = newKey(ownerOf(n))
      const origin = { carrier: 'bench', requestId: 'bench', local: true }
      const event = {
        at: 0,
        action: 'key.create',
        outcome: 'done',
        actor: key.owner,
        subject: 'bench',
        origin,
      } as const
      return keys.insert(key, undefined, event)
    },
  },
  {
    name: 'uses of 250 keys written down',
    times: 40,
    run: ({ keys }) => {
      const ids = new Set(Array.from({ length: 250 }, () => `copy-${anyOf()}` as KeyId))
      const days = new Map([[Math.floor(Date.now() / 86_400_000), { accepted: 3, refused: 0 }]])
      return keys.noteUses([...ids].map((id) => ({ id, since: Date.now(), lastUsedAt: Date.now(), days })))
    },
  },
]

/** What partitions cost a store that one table would do for: the same work on the same keys, layouts taking turns. */
export async function runBenchmark(): Promise<string> {
  const postgres = await startPostgres(DURABLE)
  const contenders: Contender[] = []
  try {
    for (const partitions of LAYOUTS) contenders.push(await filledStore(postgres, partitions))
    const rates = new Map<string, number[]>()
    for (let round = -1; round < ROUNDS; round += 1) {
      process.stderr.write(`  round ${round + 1} of ${ROUNDS}\n`)
      for (const work of WORKS) {
        for (const contender of contenders) {
          const rate = await rateOf(work, contender.storage)
          const name = `${work.name} ${contender.partitions}`
          if (round >= 0) rates.set(name, [...(rates.get(name) ?? []), rate])
        }
      }
    }
    const [server] = await postgres.run('SHOW server_version')
    return report(contenders, rates, String(server?.['server_version']).split(' ')[0] ?? '')
  } finally {
    for (const { storage } of contenders) await storage.close()
    await postgres.stop()
  }
}

/** Times a second. */
async function rateOf({ times, run }: Work, storage: Storage): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let n = next++; n < times; n = next++) await run(storage, n)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, times) }, worker))
  return (times * 1000) / (performance.now() - startedAt)
}

async function filledStore(postgres: PostgresServer, partitions: number): Promise<Contender> {
  process.stderr.write(`  ${KEYS} keys in ${partitions} partitions\n`)
  const url = await postgres.newStore()
  const schema = /search_path%3D(\w+)/.exec(url)?.[1] ?? ''
  const storage = await openStorage(url, { keysInMemoryMax: KEYS_IN_MEMORY })
  await postgres.run(`INSERT INTO ${schema}.keys (uid, seq, fingerprint, id, owner, description, created_by, created_at, family, knox)
    SELECT gen_random_uuid(), n, sha256(convert_to('nobody' || n, 'UTF8')), 'copy-' || n, 'owner-' || n % ${OWNERS},
      'device in the field', 'bench', 0, 'knox', '{"type":"API_KEY"}' FROM generate_series(0, ${KEYS - 1}) AS n`)
  await postgres.run(`INSERT INTO ${schema}.owner_stats (owner, key_count, knox_count, last_seq)
    SELECT owner, count(*), count(*), max(seq) FROM ${schema}.keys GROUP BY owner`)
  await partitionKeys(url, partitions, () => {})
  const [size] = await postgres.run(`SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
    WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r' AND relname ~ '^(keys|key_ids|key_fingerprints)(_p\\d+)?$'`)
  return { partitions, storage, bytesPerKey: Number(size?.['bytes']) / KEYS }
}

function report(
  contenders: readonly Contender[],
  rates: ReadonlyMap<string, readonly number[]>,
  version: string,
): string {
  const [whole] = contenders
  const rows = WORKS.flatMap(({ name }) =>
    contenders.map(({ partitions }) => {
      const own = rates.get(`${name} ${partitions}`) ?? []
      const others = rates.get(`${name} ${whole?.partitions}`) ?? []
      const beside = median(own.map((rate, round) => rate / (others[round] ?? Number.NaN)))
      const spread = `${Math.min(...own).toFixed(0)}-${Math.max(...own).toFixed(0)}`
      return `| ${name} | ${partitions} | ${beside.toFixed(2)} | ${median(own).toFixed(0)} | ${spread} |`
    }),
  )
  const sizes = contenders.map(({ partitions, bytesPerKey }) => `${bytesPerKey.toFixed(0)} in ${partitions}`)
  return `# Keys in partitions

\`npm run bench -- partitions\`: ${describeMachine()}; PostgreSQL ${version} on the same machine, fsync on.

${KEYS.toLocaleString('en')} keys of ${OWNERS.toLocaleString('en')} owners in one table, and in partitions by owner (\`latchkey partition --into N\`); ${AT_ONCE} under way at once, through
the storage driver; medians of ${ROUNDS} interleaved rounds, what is beside one table being the median of the rounds.

| What | partitions | beside one table | a second | min-max |
|---|---|---|---|---|
${rows.join('\n')}

Bytes a key, with its indexes and what leads to it: ${sizes.join(', ')} (1: one table).
`
}
