import { unavailable } from './postgres-error.ts'

/** Servers that one URL may name. */
const HOSTS_MAX = 16

/** Parameters of libpq that are dealt with here and not by the driver. */
const OURS = ['target_session_attrs', 'load_balance_hosts']

/** The only kinds of servers that a store can use: each of them takes changes. */
const WRITABLE = ['any', 'read-write', 'primary']

/** TLS with a certificate that somebody vouches for, for the host that was asked for. */
const VERIFIED = ['verify-full', 'verify-ca', 'require']

/** What `sslmode` may be. Those that are happy with no encryption are not among them: who wants none says so. */
const SSL_MODES = ['disable', 'no-verify', ...VERIFIED]

/**
 * The URLs of the servers that one URL names, in its order: `postgres://user@one:5432,two:5433/latchkey`.
 *
 * libpq's `target_session_attrs` is understood where it asks for a server that takes changes, which is what a store needs
 * in any case. `sslmode` means at least what it means to libpq, and `require` more: see `VERIFIED`.
 *
 * @throws {DomainError} `storage.unavailable` for what is no such URL; the message repeats nothing of it.
 */
export function parseConnectionUrl(url: string): readonly string[] {
  const [, scheme, user = '', hosts, rest = ''] = URL_PARTS.exec(url) ?? []
  if (scheme === undefined || hosts === undefined) throw notUnderstood('it is none')
  const names = hosts.split(',')
  if (names.length > HOSTS_MAX) throw notUnderstood(`it names more than ${HOSTS_MAX} hosts`)
  const urls = names.map((host) => `${scheme}${user}${host}${rest}`)
  return urls.map(withoutOurs)
}

/** A password may hold any character but the `/` that starts the name of the database, `?` and `#`. */
const URL_PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#@]*)([/?][^#]*)?$/

function withoutOurs(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) throw notUnderstood('a host or port in it is none')
  const wanted = parsed.searchParams.get('target_session_attrs') ?? 'any'
  if (!WRITABLE.includes(wanted)) throw notUnderstood('target_session_attrs must be read-write')
  for (const name of OURS) parsed.searchParams.delete(name)
  settleSslMode(parsed.searchParams)
  return parsed.href
}

/** The driver takes any word for TLS, and warns of those whose meaning it is going to change. The last one counts. */
function settleSslMode(parameters: URLSearchParams): void {
  const mode = parameters.getAll('sslmode').at(-1)
  if (mode === undefined) return
  if (!SSL_MODES.includes(mode)) throw notUnderstood(`sslmode must be one of ${SSL_MODES.join(', ')}`)
  const isLibpqs = parameters.get('uselibpqcompat') === 'true'
  parameters.set('sslmode', VERIFIED.includes(mode) && !isLibpqs ? 'verify-full' : mode)
}

function notUnderstood(state: string) {
  return unavailable(
    `its URL cannot be understood, ${state}; it looks like "postgres://user:password@host:5432/database"`,
  )
}
