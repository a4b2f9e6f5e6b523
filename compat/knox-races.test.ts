import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { basic, KEY, type KnoxWorld, OWN_USERS, service, startKnox, topology } from './knox-world.ts'

const FILES = {
  'refusing.xml': topology(OWN_USERS, service('APIKEY')),
  'replacing.xml': topology(
    OWN_USERS,
    service('APIKEY', {
      'apikey.knox.token.limit.per.user': '5',
      'apikey.knox.token.user.limit.exceeded.action': 'REMOVE_OLDEST',
    }),
  ),
}

const AT_ONCE = 64

let world: KnoxWorld

before(async () => {
  world = await startKnox(FILES)
})
after(() => world.close())

async function idsOf(name: string): Promise<readonly string[]> {
  const { json } = await world.ask('GET', `refusing/${KEY}/getUserTokens`, { headers: basic(name) })
  return json.tokens.map(({ tokenId }: { tokenId: string }) => tokenId)
}

function issueAtOnce(path: string, name: string) {
  const headers = basic(name)
  return Promise.all(Array.from({ length: AT_ONCE }, () => world.ask('POST', path, { headers })))
}

test('the limit of a user is never exceeded, however many keys are asked for at once', async () => {
  const answers = await issueAtOnce(`refusing/${KEY}`, 'guest')
  const issued = answers.filter(({ status }) => status === 200).map(({ json }) => json.key_id)
  const refused = answers.filter(({ status }) => status === 403)
  assert.deepEqual([issued.length, refused.length], [10, AT_ONCE - 10])
  for (const { json } of refused) assert.equal(json.error, 'Unable to get token - token limit exceeded.')
  assert.deepEqual([...(await idsOf('guest'))].sort(), [...issued].sort())
})

test('the oldest makes room for each that is asked for, and never more than one', async () => {
  const answers = await issueAtOnce(`replacing/${KEY}`, 'sam')
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const left = await idsOf('sam')
  assert.equal(left.length, 5)
  const issued = new Set(answers.map(({ json }) => json.key_id))
  assert.ok(left.every((id) => issued.has(id)))
  const { json } = await world.ask('POST', `replacing/${KEY}`, { headers: basic('sam') })
  assert.deepEqual(await idsOf('sam'), [...left.slice(1), json.key_id])
})
