import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  KEY,
  type KnoxWorld,
  OWN_USERS,
  params,
  service,
  startKnox,
  TOKENS,
  topology,
  until,
} from './knox-world.ts'
import { ask } from './running-server.ts'

const GOOD = topology(OWN_USERS, service('APIKEY', { 'apikey.knox.token.ttl': '1000' }))

let world: KnoxWorld

before(async () => {
  world = await startKnox({ 'sandbox.xml': GOOD, 'broken.xml': topology('', service('APIKEY')) })
})
after(() => world.close())

/** Seconds that keys of a topology live, as it says; undefined: it does not exist. */
async function lifeOf(name: string): Promise<string | undefined> {
  const answer = await world.ask('GET', `${name}/${KEY}/getTssStatus`, { headers: basic('guest') })
  return answer.status === 200 ? answer.json.maximumLifetimeSeconds : undefined
}

async function warnings(): Promise<readonly string[]> {
  const { status, body } = await ask(world.server, 'GET', '/readyz')
  assert.equal(status, 200)
  return body.warnings ?? []
}

/** Reasons of refusals of a topology in the audit trail. */
function audited(name: string): readonly string[] {
  const refused = eventsOf(name).filter((row) => row['outcome'] === 'refused')
  return refused.map((row) => String(row['reason']))
}

/** What was told of a topology, and of which file. */
function kindsTold(name: string): readonly string[] {
  return eventsOf(name).map((row) => {
    const { kind, file } = JSON.parse(String(row['details']))
    return `${kind} ${file}`
  })
}

function eventsOf(name: string): readonly Record<string, unknown>[] {
  const database = new DatabaseSync(join(world.server.dataDir, 'latchkey.db'), { readOnly: true })
  try {
    return database
      .prepare(`SELECT * FROM audit_events WHERE action = 'topology.change' AND subject = ?`)
      .all(`topology:${name}`)
  } finally {
    database.close()
  }
}

describe('a topology file', () => {
  test('that is broken from the start is not offered; log, audit and health say why', async () => {
    const problem =
      'broken.xml: no provider of role "authentication" or "federation": nobody could be told apart'
    assert.equal(await lifeOf('broken'), undefined)
    assert.equal(await lifeOf('sandbox'), '1')
    assert.deepEqual(await warnings(), [problem])
    assert.ok(world.server.output().includes('nobody could be told apart'))
    await until('the audit', () => audited('broken').includes(problem))
  })

  test('that becomes broken keeps its last good version until it is mended', async () => {
    world.write('sandbox.xml', GOOD.replace('</gateway>', '</gatway>'))
    await until('the warning', async () => (await warnings()).some((each) => each.startsWith('sandbox.xml')))
    assert.equal(await lifeOf('sandbox'), '1')
    assert.match(world.server.output(), /sandbox\.xml is not well-formed XML, line \d+, column \d+/)
    await until('the audit', () => audited('sandbox').some((reason) => reason.includes('well-formed')))
    world.write('sandbox.xml', GOOD.replace('1000', '2000'))
    await until('the new version', async () => (await lifeOf('sandbox')) === '2')
    assert.equal(
      (await warnings()).some((each) => each.startsWith('sandbox.xml')),
      false,
    )
  })

  test('whose parameters nobody understands keeps its last good version too, by name of the parameter', async () => {
    world.write('sandbox.xml', GOOD.replace('1000', 'often'))
    const problem =
      'sandbox.xml: service "APIKEY": parameter "apikey.knox.token.ttl" of service "APIKEY" is "often", and must be a whole number'
    await until('the warning', async () => (await warnings()).includes(problem))
    assert.equal(await lifeOf('sandbox'), '2')
    const told = kindsTold('sandbox')
    const acl = params({ 'apikey.acl': 'sam;x' })
    const guarded = `${OWN_USERS}<provider><role>authorization</role><name>AclsAuthz</name><enabled>true</enabled>${acl}</provider>`
    world.write('sandbox.xml', topology(guarded, service('APIKEY')))
    await until('the warning', async () =>
      (await warnings()).some((each) => each.startsWith('sandbox.xml: ') && each.includes('apikey.acl')),
    )
    // Neither was in effect for a moment, so nobody is told that it was.
    await until('the audit', () => kindsTold('sandbox').length === told.length + 1)
    assert.deepEqual(kindsTold('sandbox').slice(-2), ['refused sandbox.xml', 'refused sandbox.xml'])
    world.write('sandbox.xml', GOOD)
    await until('the new version', async () => (await lifeOf('sandbox')) === '1')
  })

  test('whose services share a parameter is told of as that, and not as if a part were left out', async () => {
    const sharing = service('CLIENTID') + service('KNOXTOKEN', { 'knox.token.limit.per.user': '5' })
    world.write('sharing.xml', topology(OWN_USERS, sharing))
    const lines = () =>
      world.server
        .output()
        .split('\n')
        .filter((line) => line.includes('sharing.xml'))
    await until('the note', () => lines().some((line) => line.includes('uses a parameter of its neighbour')))
    assert.ok(lines().every((line) => !line.includes('not offered')))
  })

  test('that comes is offered, and one that goes is not any more', async () => {
    assert.equal(await lifeOf('late'), undefined)
    world.write('late.xml', GOOD)
    await until('the new topology', async () => (await lifeOf('late')) === '1')
    rmSync(join(world.folder, 'late.xml'))
    await until('its end', async () => (await lifeOf('late')) === undefined)
  })

  test('answers 404 where it has nothing: empty in a topology, a page where there is none', async () => {
    const nothing = await world.ask('GET', 'sandbox/webhdfs/v1', { headers: basic('guest') })
    assert.deepEqual([nothing.status, nothing.text], [404, ''])
    const nowhere = await world.ask('GET', 'nowhere/webhdfs/v1')
    assert.deepEqual([nowhere.status, nowhere.json.message], [404, 'Not Found'])
  })
})

test('every request is answered by one version of a topology while it changes', async () => {
  world.write('busy.xml', topology(OWN_USERS, service('APIKEY')))
  await until('the topology', async () => (await lifeOf('busy')) === '-1')
  let isOver = false
  const statuses = new Set<number>()
  const asking = (async () => {
    while (!isOver) {
      const { status } = await world.ask('GET', `busy/${KEY}/getTssStatus`, { headers: basic('guest') })
      statuses.add(status)
    }
  })()
  try {
    for (let count = 1; count <= 5; count++) {
      world.write(
        'busy.xml',
        topology(OWN_USERS, service('APIKEY', { 'apikey.knox.token.ttl': `${count}000` })),
      )
      await until('the next version', async () => (await lifeOf('busy')) === String(count))
    }
    world.write('busy.xml', topology(TOKENS, service('APIKEY')))
    await until('other guards', () => statuses.has(401))
  } finally {
    isOver = true
    await asking
  }
  // 401 once passwords were no longer asked for, and nothing else.
  assert.deepEqual([...statuses].sort(), [200, 401])
})
