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

  it('creates an administrator', () => {
    assert.equal(lastJson(answers[0]).id, 'admin')
  })

  it('makes a role and an owner, and issues a key', () => {
    assert.match(answers[1] ?? '', /"id":"billing"[\s\S]*"id":"melis"/)
    assert.match(answers[1] ?? '', /\nlk_live_[0-9A-Za-z]{41}\n/)
  })

  it('sees it verified, by a service and by a proxy', () => {
    const { valid, code, owner, keyId } = lastJson(answers[2])
    assert.deepEqual(
      { valid, code, owner, keyId },
      { valid: true, code: 'VALID', owner: 'melis', keyId: 'cron' },
    )
    assert.match(answers[3] ?? '', /^\s*HTTP\/1\.1 200 OK\r\n[\s\S]*X-Latchkey-Owner: melis\r\n/)
  })

  const codes = (text: string | undefined): unknown =>
    lastJson(text).results.map(({ code }: { readonly code: string }) => code)

  it('rotates it: both secrets are good for a while', () => {
    assert.deepEqual(codes(answers[4]), ['VALID', 'VALID'])
  })

  it('revokes it: neither secret is good any more', () => {
    assert.match(answers[5] ?? '', /"reason":"superseded"/)
    const lastLine = answers[5]?.trimEnd().split('\n').at(-1)
    assert.deepEqual(codes(lastLine), ['REVOKED', 'REVOKED'])
  })

  it("issues a key in Kuzzle's language, and uses it", () => {
    assert.equal(lastJson(answers[6]).result._id, 'melis')
  })

  it('finds that key by the fingerprint that sha256sum computes', () => {
    const { total, hits } = lastJson(answers[7]).result
    assert.equal(total, 1)
    assert.equal(hits[0]._id, 'first-key')
  })

  it('sees the deleted key refused', () => {
    assert.match(answers[8] ?? '', /"_id":"first-key"/)
    assert.equal(lastJson(answers[8]).error.id, 'security.token.invalid')
  })
})
