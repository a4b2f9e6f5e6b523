import type { AuditEvent, Origin } from '../audit/audit-event.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { ANONYMOUS_ID, type UserId } from '../ids.ts'
import type { Issued, LoginRequest } from '../key-authority.ts'
import type { Credentials } from './credentials.ts'
import { getUser } from './find-users.ts'
import { checkStrategy, isUsable, PASSWORD_BYTES_MAX, USERNAME_BYTES_MAX } from './local-credentials.ts'
import { mintSession } from './mint-session.ts'
import { networkOf } from './network-of.ts'
import type { Session } from './session.ts'
import { sessionLife } from './session-life.ts'
import type { User } from './user.ts'

/**
 * Exchanges username and password for a session.
 *
 * Attempts that come too fast are refused before anything is hashed, and so are those that ask for a life that no session
 * may have: nobody learns from that, unseen, whether a password is right. All others cost the same work, whether the
 * account exists or not.
 *
 * @throws {DomainError} `credentials.unknown_strategy`, `login.too_many` (`facts.retryAfterMs`), `login.failed`
 *   (`facts.missing` true when username or password is absent), `session.ttl_exceeded`, `session.ttl_invalid`,
 *   `server.overloaded`.
 */
export async function logIn(
  context: Context,
  request: LoginRequest,
  origin: Origin,
): Promise<Issued<Session>> {
  checkStrategy(request.strategy)
  const { username, password } = request
  admit(context, username, origin)
  if (!username || !password) throw refuseMissing(context, origin)
  sessionLife(context.settings, request.ttlMs, context.clock.now())

  const credentials = await checkPassword(context, { username, password }, origin)
  const now = context.clock.now()
  const life = sessionLife(context.settings, request.ttlMs, now)
  const user = await getUser(context, credentials.owner)
  const minted = await mintSession(context, { ...life, owner: user.id, singleUse: false, createdAt: now })
  await recordChange(
    context,
    {
      by: { user, origin },
      action: 'session.login',
      subject: `session:${minted.issued.fingerprint}`,
      details: { strategy: request.strategy, expiresAt: life.expiresAt ?? null },
    },
    (event) => context.storage.sessions.insert(minted.issued, event),
  )
  return minted
}

/**
 * The user behind a username and password, for callers who show both with every request: as `logIn`, but there is no
 * session afterwards. Nothing is counted: `countAttempt` comes first, unless these very credentials were right before.
 *
 * @throws {DomainError} `login.failed`, `server.overloaded`.
 */
export async function findUserByPassword(
  context: Context,
  { username, password }: { readonly username: string; readonly password: string },
  origin: Origin,
): Promise<User> {
  if (username === '' || password === '') throw refuseMissing(context, origin)
  const credentials = await checkPassword(context, { username, password }, origin)
  return getUser(context, credentials.owner)
}

/**
 * Counts an attempt to log in, as `logIn` does, where somebody else checks the password.
 *
 * @throws {DomainError} `login.too_many` (`facts.retryAfterMs`)
 */
export function countAttempt(context: Context, username: string, origin: Origin): void {
  admit(context, username, origin)
}

function admit(context: Context, username: string | undefined, origin: Origin): void {
  const { address } = origin
  const now = context.clock.now()
  const account = username || undefined
  const retryAfterMs = context.logins.admit(
    { ...(account !== undefined && { username: account }), ...(address !== undefined && { address }) },
    now,
  )
  if (retryAfterMs === 0) return
  const event = failure(context, origin, { subject: SOME_LOGIN, reason: 'too_many' })
  context.refusals.add(`login too_many ${networkOf(address ?? '')}`, event)
  throw new DomainError(
    'login.too_many',
    `Cannot log in: the next attempt is allowed in ${retryAfterMs} ms`,
    {
      retryAfterMs,
    },
  )
}

function refuseMissing(context: Context, origin: Origin): DomainError {
  const event = failure(context, origin, { subject: SOME_LOGIN, reason: 'missing_credentials' })
  context.refusals.add(`login missing ${networkOf(origin.address ?? '')}`, event)
  return new DomainError('login.failed', 'Cannot log in: username or password is missing', { missing: true })
}

async function checkPassword(
  context: Context,
  { username, password }: { readonly username: string; readonly password: string },
  origin: Origin,
): Promise<Credentials> {
  const { users } = context.storage
  const isPossible = isUsable(username, USERNAME_BYTES_MAX) && isUsable(password, PASSWORD_BYTES_MAX)
  const credentials = isPossible ? await users.findCredentialsByUsername(username) : undefined
  // Names and passwords that nobody can have cost the same work as all others.
  const isRight = await context.passwords.verify(isPossible ? password : '', credentials?.passwordHash)
  if (credentials !== undefined && isRight) {
    await modernise(context, credentials, password)
    return credentials
  }
  const event = failure(context, origin, {
    subject: credentials === undefined ? SOME_LOGIN : `user:${credentials.owner}`,
    reason: credentials === undefined ? 'unknown_account' : 'wrong_password',
    ...(credentials !== undefined && { owner: credentials.owner }),
  })
  // Each of these has cost a password hash, which bounds how many there can be: none needs to be counted together.
  await context.storage.audit.append([event])
  context.onAudit?.(event)
  throw new DomainError('login.failed', 'Cannot log in: wrong username or password', { missing: false })
}

/** Replaces a hash of an older kind while the password is at hand. A busy hasher leaves it for the next login. */
async function modernise(context: Context, credentials: Credentials, password: string): Promise<void> {
  if (!context.passwords.isOutdated(credentials.passwordHash)) return
  try {
    const newHash = await context.passwords.hash(password)
    await context.storage.users.replacePasswordHash(credentials.owner, credentials.passwordHash, newHash)
  } catch (error) {
    if (error instanceof DomainError && error.code === 'server.overloaded') return
    throw error
  }
}

/** Names no account: what was typed may be a password in the wrong field, and even its digest could be guessed. */
const SOME_LOGIN = 'login'

function failure(
  context: Context,
  origin: Origin,
  what: { readonly subject: string; readonly reason: string; readonly owner?: UserId },
): AuditEvent {
  return {
    at: context.clock.now(),
    action: 'session.login_failed',
    outcome: 'refused',
    actor: what.owner ?? ANONYMOUS_ID,
    subject: what.subject,
    reason: what.reason,
    origin,
  }
}
