import { verify } from 'node:crypto'
import { z } from 'zod'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { RANGE_DIGITS } from '../../core/keys/fingerprint-range.ts'
import type { LeakFinding, LeakReport } from '../../core/keys/report-leaks.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import type { GithubKeys } from './github-keys.ts'
import { invalid, Problem } from './problem.ts'
import { requireRight } from './require-right.ts'
import { strict } from './strict-object.ts'

/** Reports that one request may make. */
export const LEAKS_MAX = 1_000

/** Matches that GitHub may send at once; it gives an answer half a minute. */
export const MATCHES_MAX = 10_000

const URL_LENGTH_MAX = 2_000

const leakReport = strict({
  key: z.string().min(1).max(8_192).meta({ description: 'The token that was found.' }).exactOptional(),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'must be 64 lower-case hex digits' })
    .meta({ description: 'Only the SHA-256 of it, as lists of leaks have it.' })
    .exactOptional(),
  url: z.string().max(URL_LENGTH_MAX).meta({ description: 'Where it was found.' }).exactOptional(),
}).refine(({ key, fingerprint }) => (key === undefined) !== (fingerprint === undefined), {
  error: 'must have either "key" or "fingerprint"',
})

const leaksBody = strict({
  leaks: z.array(leakReport).min(1).max(LEAKS_MAX),
  reporter: z
    .string()
    .regex(/^[\w.-]{1,64}$/, { error: 'must be 1 to 64 of A-Z a-z 0-9 _ . -' })
    .meta({ description: 'Who found them, for the audit trail.' })
    .exactOptional(),
})

const finding = strict({
  fingerprint: z.string(),
  known: z.boolean().meta({ description: 'Whether it is, or was not long ago, a token of this server.' }),
  keyId: z.string().exactOptional(),
  owner: z.string().exactOptional(),
  done: z.enum(['none', 'noted', 'disabled', 'revoked']).meta({
    description: 'What was done about it, see `leaks.actions`; `none`: it was good for nothing any more.',
  }),
})

// GitHub may add members, and the signature says that it was GitHub.
const matchesBody = z
  .array(
    z.object({
      token: z.string().max(8_192),
      type: z.string().max(256),
      url: z.string().max(URL_LENGTH_MAX).nullish(),
      source: z.string().max(256).nullish(),
    }),
  )
  .max(MATCHES_MAX)

const feedback = strict({
  token_hash: z.string().meta({ description: 'SHA-256 of the token, in hex.' }),
  token_type: z.string(),
  label: z.enum(['true_positive', 'false_positive']),
})

/** What is to be done with tokens that lie where everybody can read them. */
export const LEAK_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'reportLeaks',
    method: 'POST',
    path: '/v1/leaks',
    group: 'Leaks',
    summary:
      'Reports tokens that were found where everybody can read them; their keys are disabled or revoked',
    access: 'counted',
    body: { schema: leaksBody, kind: 'json' },
    answers: {
      200: {
        description: 'What became of each, in their order',
        schema: strict({ leaks: z.array(finding) }),
      },
    },
    problems: ['right.missing'],
    async run({ body }, { authority, caller }) {
      await requireRight(authority, caller, { controller: 'keys', action: 'revoke' })
      const reporter = body.reporter ?? caller.user.id
      const reports = body.leaks.map(
        ({ key, fingerprint, url }): LeakReport => ({
          ...(key === undefined ? { fingerprint: fingerprint as Fingerprint } : { token: key }),
          reporter,
          ...(url !== undefined && { url }),
        }),
      )
      const findings = await authority.lifeCycle.reportLeaks(caller, reports)
      return { status: 200, json: { leaks: findings.map(printFinding) } }
    },
  }),

  endpoint({
    name: 'fingerprintRange',
    method: 'GET',
    path: '/v1/fingerprints/:id',
    group: 'Leaks',
    summary:
      'Tells whether a token is of this server to who has it, without being told which: by five digits of its hash',
    access: 'counted',
    idOf: `first ${RANGE_DIGITS} hex digits of the SHA-256 of a token`,
    answers: {
      200: {
        description: 'The other digits of all tokens that begin so, and of some that are nobody’s',
        schema: strict({ suffixes: z.array(z.string()) }),
      },
    },
    problems: ['right.missing'],
    async run({ id }, { authority, caller }) {
      await requireRight(authority, caller, { controller: 'keys', action: 'range' })
      if (!DIGITS.test(id)) throw invalid('id', `must be ${RANGE_DIGITS} lower-case hex digits`)
      return { status: 200, json: { suffixes: await authority.verification.fingerprintRange(id) } }
    },
  }),

  signedReports(),
]

const DIGITS = new RegExp(`^[0-9a-f]{${RANGE_DIGITS}}$`)

function printFinding({ fingerprint, known, key, done }: LeakFinding): z.output<typeof finding> {
  return { fingerprint, known, ...(key !== undefined && { keyId: key.id, owner: key.owner }), done }
}

/** Signatures are of the bytes that came, so the body is read here and not by the schema. */
function signedReports(): Endpoint {
  const described = endpoint({
    name: 'reportLeaksFromGithub',
    method: 'POST',
    path: '/v1/leaks/github',
    group: 'Leaks',
    summary:
      "Takes the reports of GitHub's secret scanning, signed by GitHub; only with `leaks.githubKeysUrl`",
    access: 'none',
    body: { schema: matchesBody, kind: 'json' },
    answers: { 200: { description: 'Which of them are tokens of this server', schema: z.array(feedback) } },
    problems: ['leaks.signature_invalid', 'leaks.keys_unavailable', 'request.not_found'],
    async run({ body }, { authority, caller }) {
      const reports = body.map(
        ({ token, url }): LeakReport => ({
          token,
          reporter: 'github',
          ...(typeof url === 'string' && { url }),
        }),
      )
      const findings = await authority.lifeCycle.reportLeaks(caller, reports)
      const json = findings.map(
        ({ fingerprint, known }, n): z.output<typeof feedback> => ({
          token_hash: fingerprint,
          token_type: body[n]?.type ?? '',
          label: known ? 'true_positive' : 'false_positive',
        }),
      )
      return { status: 200, json }
    },
  })
  return {
    ...described,
    async read(asked, limits) {
      const read = await described.read(asked, limits)
      const { headers } = asked.request
      return {
        ...read,
        async answer(context) {
          await checkSignature(context.githubKeys, headers, read.bytes)
          return read.answer(context)
        },
      }
    },
  }
}

async function checkSignature(
  keys: GithubKeys | undefined,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  bytes: Uint8Array,
): Promise<void> {
  if (keys === undefined)
    throw new Problem('request.not_found', 'Cannot take reports: leaks.githubKeysUrl is not set')
  const identifier = headers['github-public-key-identifier']
  const signature = headers['github-public-key-signature']
  if (typeof identifier !== 'string' || typeof signature !== 'string') throw unsigned('it has none')
  const key = await keys.find(identifier).catch((cause: unknown) => {
    throw new Problem(
      'leaks.keys_unavailable',
      'Cannot tell whose report this is: the keys cannot be fetched',
      { cause },
    )
  })
  if (key === undefined) throw unsigned('GitHub has no key of that identifier')
  const isGood = verify('sha256', bytes, { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'))
  if (!isGood) throw unsigned('it is of another report or by another key')
}

function unsigned(problem: string): Problem {
  return new Problem(
    'leaks.signature_invalid',
    `Cannot take the report: its signature is not good: ${problem}`,
  )
}
