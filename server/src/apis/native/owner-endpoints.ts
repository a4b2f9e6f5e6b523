import { z } from 'zod'
import type { User } from '../../core/access/user.ts'
import { DomainError } from '../../core/errors.ts'
import { ID_BYTES_MAX, type ProfileId, type UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import { checkLimits } from '../../core/keys/check-policy.ts'
import { checkMayLoosen } from '../../core/keys/keys-issuing-keys.ts'
import type { RateLimit } from '../../core/keys/policy.ts'
import { type Endpoint, type EndpointContext, endpoint } from './endpoint.ts'
import { limitAnswer } from './key-answer.ts'
import { rateLimitOf } from './key-requests.ts'
import { ownerId, rateLimits, rateLimitsOut } from './key-schemas.ts'
import { parseId } from './parse-id.ts'
import { requireRight } from './require-right.ts'
import { jsonObject, strict } from './strict-object.ts'

const roles = z
  .array(
    z
      .string()
      .min(1)
      .max(ID_BYTES_MAX)
      .transform((id) => id as ProfileId),
  )
  .min(1)
  .max(100)

const ownerBody = strict({
  roles: roles
    .meta({
      description:
        'What the owner may do; in Kuzzle these are profiles. Absent: as before, or `["default"]` for a new owner.',
    })
    .exactOptional(),
  content: jsonObject
    .meta({ type: 'object', description: 'Facts of your own. Absent: as before.' })
    .exactOptional(),
  limits: rateLimits
    .meta({ description: 'Limits that all keys of the owner share. Absent: as before.' })
    .exactOptional(),
  login: strict({
    username: z.string().min(1).max(512).exactOptional(),
    password: z.string().min(1).max(1_024),
  })
    .meta({
      description: 'With what the owner itself may log in; the username is its id unless it says otherwise.',
    })
    .exactOptional(),
})

const ownerView = strict({
  id: z.string(),
  roles: z.array(z.string()),
  content: jsonObject,
  limits: rateLimitsOut
    .meta({ description: 'Absent: the caller may not read the keys of the owner.' })
    .exactOptional(),
}).meta({ id: 'Owner' })

const OWNER = { description: 'The owner', schema: ownerView }

/** Whose keys they are; users, in Kuzzle's words. */
export const OWNER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'putOwner',
    method: 'PUT',
    path: '/v1/owners/:id',
    group: 'Owners and roles',
    summary: 'Creates an owner of keys, or changes what is given of one',
    access: 'counted',
    idOf: 'owner',
    body: { schema: ownerBody, kind: 'json', optional: true },
    answers: { 200: OWNER, 201: { description: 'The new owner', schema: ownerView } },
    problems: [
      'right.missing',
      'id.invalid',
      'user.already_exists',
      'user.anonymous_immutable',
      'profile.not_found',
      'policy.invalid',
      'credentials.invalid',
      'credentials.username_taken',
    ],
    async run({ id, body }, context) {
      const owner = parseId(ownerId, id, 'id.invalid')
      const limits = body.limits?.map(rateLimitOf)
      // Before anything is changed, so that what is refused is not half done.
      if (limits !== undefined) await checkMaySetLimits(limits, context)
      const known = await findUser(context, owner)
      const user =
        known === undefined ? await create(owner, body, context) : await change(known, body, context)
      const { authority, caller } = context
      if (limits !== undefined) await authority.lifeCycle.setOwnerLimits(caller, owner, limits)
      return { status: known === undefined ? 201 : 200, json: await viewOf(user, context) }
    },
  }),

  endpoint({
    name: 'getOwner',
    method: 'GET',
    path: '/v1/owners/:id',
    group: 'Owners and roles',
    summary: 'Shows an owner of keys',
    access: 'counted',
    idOf: 'owner',
    answers: { 200: OWNER },
    problems: ['user.not_found', 'right.missing'],
    async run({ id }, context) {
      await need(context, 'getUser')
      const user = await context.authority.users.get(parseId(ownerId, id, 'user.not_found'))
      return { status: 200, json: await viewOf(user, context) }
    },
  }),

  endpoint({
    name: 'deleteOwner',
    method: 'DELETE',
    path: '/v1/owners/:id',
    group: 'Owners and roles',
    summary: 'Removes an owner: its keys and sessions end at once',
    access: 'counted',
    idOf: 'owner',
    answers: { 204: { description: 'The owner is gone' } },
    problems: ['user.not_found', 'user.anonymous_immutable', 'right.missing'],
    async run({ id }, context) {
      await need(context, 'deleteUser')
      await context.authority.users.remove(context.caller, parseId(ownerId, id, 'user.not_found'))
      return { status: 204 }
    },
  }),
]

type OwnerBody = z.output<typeof ownerBody>

function need({ authority, caller }: EndpointContext, action: string): Promise<void> {
  return requireRight(authority, caller, { controller: 'security', action })
}

async function findUser({ authority }: EndpointContext, id: UserId): Promise<User | undefined> {
  try {
    return await authority.users.get(id)
  } catch (error) {
    if (error instanceof DomainError && error.code === 'user.not_found') return undefined
    throw error
  }
}

async function create(id: UserId, body: OwnerBody, context: EndpointContext): Promise<User> {
  await need(context, 'createUser')
  return context.authority.users.create(context.caller, {
    id,
    idKind: 'human',
    profileIds: body.roles ?? ['default' as ProfileId],
    content: ownContent(body.content ?? {}),
    credentials: body.login === undefined ? {} : { local: credentialsOf(id, body.login) },
  })
}

async function change(known: User, body: OwnerBody, context: EndpointContext): Promise<User> {
  const { authority, caller } = context
  const { roles: profileIds = known.profileIds, content = known.content } = body
  const changes = body.roles !== undefined || body.content !== undefined
  if (changes || body.login === undefined) await need(context, 'replaceUser')
  if (body.login !== undefined) await changeLogin(known.id, body.login, context)
  if (!changes) return known
  return authority.users.replace(caller, known.id, { content: ownContent(content), profileIds })
}

async function changeLogin(id: UserId, login: NonNullable<OwnerBody['login']>, context: EndpointContext) {
  const { credentials } = context.authority
  const { caller } = context
  const exist = await credentials.exist('local', id)
  await need(context, exist ? 'updateCredentials' : 'createCredentials')
  if (exist) await credentials.update(caller, 'local', id, { ...login })
  else await credentials.create(caller, 'local', id, credentialsOf(id, login))
}

function credentialsOf(id: UserId, { username = id, password }: NonNullable<OwnerBody['login']>): JsonObject {
  return { username, password }
}

/** Without the members that stand for something else where Kuzzle's clients read users. */
function ownContent(content: JsonObject): JsonObject {
  const { profileIds, _kuzzle_info, ...own } = content
  return own
}

/** What `setOwnerLimits` will ask for. @throws {Problem} `right.missing` @throws {DomainError} */
async function checkMaySetLimits(
  limits: readonly RateLimit[],
  { authority, caller }: EndpointContext,
): Promise<void> {
  await requireRight(authority, caller, { controller: 'keys', action: 'update' })
  checkMayLoosen(caller)
  checkLimits(limits)
}

async function viewOf(user: User, { authority, caller }: EndpointContext) {
  const { id, profileIds, content } = user
  const view = { id, roles: profileIds, content }
  try {
    const limits = await authority.lifeCycle.ownerLimits(caller, id)
    return { ...view, limits: limits.map(limitAnswer) }
  } catch (error) {
    if (error instanceof DomainError && error.code === 'right.missing') return view
    throw error
  }
}
