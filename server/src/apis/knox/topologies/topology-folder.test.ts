import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type FolderOptions, openTopologyFolder, type TopologyEvent } from './topology-folder.ts'
import { TopologyProblem } from './topology-problem.ts'

const topologyXml = (ttl: number) => `<topology><gateway><provider><role>authentication</role>
  <name>ShiroProvider</name><enabled>true</enabled></provider></gateway>
  <service><role>APIKEY</role><param name="apikey.knox.token.ttl" value="${ttl}"/></service></topology>`

async function openFolder(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  offer?: FolderOptions['offer'],
) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-topologies-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  const events: TopologyEvent[] = []
  const told = new EventTarget()
  const opened = await openTopologyFolder(folder, {
    rules: { proxiedRoles: [], aliasValue: () => undefined },
    ...(offer !== undefined && { offer }),
    onEvent: (event) => {
      events.push(event)
      told.dispatchEvent(new Event('told'))
    },
  })
  t.after(() => opened.close())
  const ttlOf = (name: string) =>
    opened.topologies.get(name)?.services[0]?.params.get('apikey.knox.token.ttl')
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await once(told, 'told')
  }
  return { folder, opened, events, ttlOf, until }
}

describe('a folder of topologies', () => {
  it('is read flat, or as the configuration folder of Knox', async (t) => {
    const { opened, events } = await openFolder(t, {
      'flat.xml': topologyXml(1),
      'topologies/nested.xml': topologyXml(2),
      'descriptors/simple.json': '{"provider-config-ref":"guards","services":[{"name":"APIKEY"}]}',
      'shared-providers/guards.json':
        '{"providers":[{"role":"federation","name":"JWTProvider","enabled":"true"}]}',
      'notes.txt': 'not ours',
      '.hidden.xml': '<',
    })
    assert.deepEqual([...opened.topologies.keys()].sort(), ['flat', 'nested', 'simple'])
    assert.deepEqual([...opened.problems], [])
    assert.deepEqual(events.map(({ kind }) => kind).sort(), ['offered', 'offered', 'offered'])
  })

  it('keeps the last good version of a file that broke, and says why once', async (t) => {
    const { folder, opened, events, ttlOf } = await openFolder(t, { 'a.xml': topologyXml(1) })
    await writeFile(join(folder, 'a.xml'), '<topology>')
    await opened.reload()
    await opened.reload()
    assert.equal(ttlOf('a'), '1')
    assert.match(opened.problems.get('a.xml') ?? '', /^a\.xml is not well-formed XML/)
    assert.equal(events.filter(({ kind }) => kind === 'refused').length, 1)

    await writeFile(join(folder, 'a.xml'), topologyXml(2))
    await opened.reload()
    assert.equal(ttlOf('a'), '2')
    assert.deepEqual([...opened.problems], [])
    assert.equal(events.at(-1)?.kind, 'changed')
  })

  it('says that a file is in effect once it is, and keeps what was when it cannot be', async (t) => {
    const inEffect: string[] = []
    const offer: FolderOptions['offer'] = (topologies) => {
      const ttl = topologies.get('a')?.services[0]?.params.get('apikey.knox.token.ttl') ?? ''
      if (ttl === '13') return new Map([['a', 'a.xml: 13 is no good']])
      inEffect.push(ttl)
      return new Map()
    }
    const { folder, opened, events, ttlOf } = await openFolder(t, { 'a.xml': topologyXml(1) }, offer)
    const good = opened.topologies.get('a')
    for (let count = 0; count < 2; count++) {
      await writeFile(join(folder, 'a.xml'), topologyXml(13))
      await opened.reload()
      assert.equal(ttlOf('a'), '1')
      assert.deepEqual([...opened.problems], [['a.xml', 'a.xml: 13 is no good']])
    }
    await writeFile(join(folder, 'a.xml'), topologyXml(1))
    await opened.reload()
    assert.equal(opened.topologies.get('a'), good)
    await writeFile(join(folder, 'b.xml'), topologyXml(2))
    await writeFile(join(folder, 'a.xml'), topologyXml(3))
    await opened.reload()
    const told = events.map(({ kind, file }) => `${kind} ${file}`)
    assert.deepEqual(told.slice(0, 2), ['offered a.xml', 'refused a.xml'])
    assert.deepEqual(told.slice(2).sort(), ['changed a.xml', 'offered b.xml'])
    assert.equal(inEffect.at(-1), '3')
  })

  it('notices by itself what changes, comes and goes', async (t) => {
    const { folder, opened, events, ttlOf, until } = await openFolder(t, { 'a.xml': topologyXml(1) })
    await writeFile(join(folder, 'new.tmp'), topologyXml(5))
    await rename(join(folder, 'new.tmp'), join(folder, 'a.xml'))
    await until(() => ttlOf('a') === '5' || events.some(({ kind }) => kind === 'changed'))
    await opened.reload()
    assert.equal(ttlOf('a'), '5')
    await writeFile(join(folder, 'b.xml'), topologyXml(6))
    await until(() => events.some(({ kind, topology }) => kind === 'offered' && topology === 'b'))
    await rm(join(folder, 'a.xml'))
    await until(() => events.some(({ kind, topology }) => kind === 'removed' && topology === 'a'))
    await opened.reload()
    assert.deepEqual([...opened.topologies.keys()], ['b'])
  })

  it('keeps a topology as the same object while its file says the same', async (t) => {
    const { opened } = await openFolder(t, { 'a.xml': topologyXml(1) })
    const before = opened.topologies.get('a')
    await opened.reload()
    assert.equal(opened.topologies.get('a'), before)
  })

  it('refuses the second of two files of one name', async (t) => {
    const { opened, ttlOf } = await openFolder(t, {
      'a.xml': topologyXml(1),
      'topologies/a.xml': topologyXml(2),
    })
    assert.equal(ttlOf('a'), '1')
    assert.match([...opened.problems.values()].join(), /another file is named "a" too/)
  })

  it('tells of a broken file of shared providers with each topology that needs it', async (t) => {
    const { opened } = await openFolder(t, {
      'd.json': '{"provider-config-ref":"guards","services":[{"name":"APIKEY"}]}',
      'shared-providers/guards.json': '{',
    })
    assert.match(opened.problems.get('d.json') ?? '', /^shared-providers.guards\.json cannot be read/)
    assert.equal(opened.topologies.size, 0)
  })

  it('must exist', async () => {
    await assert.rejects(
      openTopologyFolder(join(tmpdir(), 'latchkey-no-such-folder'), {
        rules: { proxiedRoles: [], aliasValue: () => undefined },
        onEvent: () => undefined,
      }),
      TopologyProblem,
    )
  })
})
