import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { type RunningServer, startServer } from './running-server.ts'

const GUIDE = readFileSync(new URL('../docs/guides/native-api.md', import.meta.url), 'utf8')
const DEFAULT_ADDRESS = 'http://127.0.0.1:7512'
const SHELL_TIMEOUT_MS = 60_000
const MARK = '---next block---'

/** A block of shell commands, and what of its answer stands behind the arrow. */
type Example = { readonly code: string; readonly expected: string | undefined }

const EXAMPLES: readonly Example[] = [...GUIDE.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n→ `(.*)`\n)?/gm)].map(
  ([, code = '', expected]) => ({ code, expected }),
)

describe('the guide to the API under /v1, copied line by line into a shell', () => {
  let server: RunningServer
  let answers: readonly string[]

  before(async () => {
    server = await startServer()
    const script = EXAMPLES.map(({ code }) => code).join(`echo; echo '${MARK}'\n`)
    const output = execFileSync('bash', ['-eu', '-c', script.replaceAll(DEFAULT_ADDRESS, server.url)], {
      encoding: 'utf8',
      timeout: SHELL_TIMEOUT_MS,
    })
    answers = output.split(MARK)
  })

  after(async () => {
    await server.stop()
    server.discard()
  })

  it('shows what comes of every example', () => {
    assert.ok(EXAMPLES.length > 20)
    for (const { code, expected } of EXAMPLES) assert.ok(expected !== undefined, code)
  })

  for (const [index, { code, expected = 'null' }] of EXAMPLES.entries()) {
    const [title = ''] = code.trim().split('\n').slice(-1)
    it(title, () => {
      const answer: unknown = JSON.parse(answers[index]?.trim() ?? 'null')
      const wanted: unknown = JSON.parse(expected)
      assert.deepEqual(partOf(answer, wanted), wanted, answers[index])
    })
  }

  it('names settings and files that exist', () => {
    const settings = readFileSync(new URL('../docs/reference/settings.md', import.meta.url), 'utf8')
    for (const [, name = ''] of GUIDE.matchAll(/`((?:keys|http)\.[A-Za-z]+)`/g)) {
      assert.ok(settings.includes(`## \`${name}\``), name)
    }
    for (const [, link = ''] of GUIDE.matchAll(/\]\(([^)#]+\.md)\)/g)) {
      assert.ok(readFileSync(new URL(link, new URL('../docs/guides/', import.meta.url))).length > 0)
    }
  })
})

/** What of an answer the guide speaks of; `…` stands for the rest of a text. */
function partOf(answer: unknown, wanted: unknown): unknown {
  if (typeof wanted === 'string' && wanted.endsWith('…') && typeof answer === 'string') {
    return answer.startsWith(wanted.slice(0, -1)) ? wanted : answer
  }
  if (Array.isArray(wanted) && Array.isArray(answer)) {
    return answer.map((item, index) => partOf(item, wanted[index]))
  }
  if (!isRecord(wanted) || !isRecord(answer)) return answer
  // An empty object is meant as it stands.
  if (Object.keys(wanted).length === 0) return answer
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, partOf(answer[name], wanted[name])]))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
