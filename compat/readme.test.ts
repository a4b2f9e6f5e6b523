import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { type RunningServer, startServer } from './running-server.ts'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const DEFAULT_ADDRESS = 'http://127.0.0.1:7512'
const MARK = '---next block---'

/** Every shell block of the README, in order. */
const blocks = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '')

describe('the README, copied line by line into a shell', () => {
  let server: RunningServer
  let answers: string[]

  before(async () => {
    server = await startServer()
    const script = blocks.join(`echo; echo '${MARK}'\n`).replaceAll(DEFAULT_ADDRESS, server.url)
    const output = execFileSync('bash', ['-eu', '-c', script], { encoding: 'utf8', timeout: 30_000 })
    answers = output.split(MARK)
  })

  after(async () => {
    await server.stop()
    server.discard()
  })

  const lastJson = (text: string | undefined) => JSON.parse(/\{.*\}\s*$/.exec(text ?? '')?.[0] ?? 'null')

  it('creates an administrator and a user', () => {
    assert.match(answers[0] ?? '', /"_id":"admin"/)
    assert.equal(lastJson(answers[0]).result._id, 'melis')
  })

  it('uses the key it issued', () => {
    assert.equal(lastJson(answers[2]).result._id, 'melis')
  })

  it('finds the key by the fingerprint that sha256sum computes', () => {
    const { total, hits } = lastJson(answers[3]).result
    assert.equal(total, 1)
    assert.equal(hits[0]._id, 'first-key')
  })

  it('sees the deleted key refused', () => {
    assert.match(answers[4] ?? '', /"_id":"first-key"/)
    assert.equal(lastJson(answers[4]).error.id, 'security.token.invalid')
  })
})
