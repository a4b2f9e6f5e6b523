import { adminExists } from '../access/admin-exists.ts'
import { ANONYMOUS_USER } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import {
  areSameRights,
  CLOSED_RIGHTS,
  DEFAULT_NAMES,
  type DefaultName,
  type DefaultRights,
  defaultProfileId,
  defaultRoleId,
  OPEN_RIGHTS,
} from '../access/default-rights.ts'
import type { Profile } from '../access/profile.ts'
import type { Role } from '../access/role.ts'
import { type Change, recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { ANONYMOUS_ID } from '../ids.ts'
import { MOVE_STATE } from '../ports/move-state.ts'
import type { Instant } from '../record.ts'

/**
 * Creates what every store must have: the roles and profiles `admin`, `default` and `anonymous`, and the secret that
 * signs tokens. Repeating it changes nothing, and several processes may do it at once.
 *
 * Roles of the start that nobody ever changed follow the setting: a store that was opened for development is closed by the
 * first start without that switch, and one that has no administrator yet is opened by the first start with it.
 *
 * @throws {DomainError} `storage.unavailable`: another store is being moved into this one.
 */
export async function prepareStore(context: Context): Promise<void> {
  const { access, config } = context.storage
  if ((await config.read(MOVE_STATE))?.['state'] === 'copying') throw notMovedYet()
  const start = startRights(context)
  for (const name of DEFAULT_NAMES) {
    const role = await access.findRole(defaultRoleId(name))
    if (role === undefined) await addRole(context, startRole(start, name, context.clock.now()))
    else await followSetting(context, name, role)
  }
  for (const name of DEFAULT_NAMES) {
    const profile = await access.findProfile(defaultProfileId(name))
    if (profile === undefined) await addProfile(context, startProfile(start, name, context.clock.now()))
  }
  await context.signingSecret()
}

function notMovedYet(): DomainError {
  return new DomainError(
    'storage.unavailable',
    'Cannot use the store: another one is being moved into it; run "latchkey move" with --finish first',
  )
}

/** The rights of the first start. */
export function startRights({ settings }: Context): DefaultRights {
  return settings.openStart ? OPEN_RIGHTS : CLOSED_RIGHTS
}

/** The role of that name as a new store gets it. */
export function startRole(rights: DefaultRights, name: DefaultName, now: Instant): Role {
  return {
    id: defaultRoleId(name),
    controllers: rights.roles[name],
    content: {},
    record: { createdBy: ANONYMOUS_ID, createdAt: now },
  }
}

/** The profile of that name as a new store gets it. */
export function startProfile(rights: DefaultRights, name: DefaultName, now: Instant): Profile {
  return {
    id: defaultProfileId(name),
    policies: [{ roleId: defaultRoleId(name) }],
    rateLimit: rights.rateLimits[name],
    content: {},
    record: { createdBy: ANONYMOUS_ID, createdAt: now },
  }
}

/** What the server does by itself when it starts is done in nobody's name. */
const SERVER: Caller = {
  user: ANONYMOUS_USER,
  origin: { carrier: 'server', requestId: 'start', local: true },
}

async function addRole(context: Context, role: Role): Promise<void> {
  const change: Change = {
    by: SERVER,
    action: 'role.create',
    subject: `role:${role.id}`,
    details: { before: null, after: role.controllers },
  }
  const write = recordChange(context, change, (event) =>
    context.storage.access.putRole(role, 'refuse', event),
  )
  await unlessAlreadyThere(write, 'role.already_exists')
}

async function addProfile(context: Context, profile: Profile): Promise<void> {
  const { policies, rateLimit } = profile
  const change: Change = {
    by: SERVER,
    action: 'profile.create',
    subject: `profile:${profile.id}`,
    details: { before: null, after: { policies, rateLimit } },
  }
  const write = recordChange(context, change, (event) =>
    context.storage.access.putProfile(profile, 'refuse', event),
  )
  await unlessAlreadyThere(write, 'profile.already_exists')
}

/** Another process may prepare the same store at the same time; what it created is as good as ours. */
async function unlessAlreadyThere(write: Promise<void>, code: DomainError['code']): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!(error instanceof DomainError && error.code === code)) throw error
  }
}

async function followSetting(context: Context, name: DefaultName, role: Role): Promise<void> {
  const wanted = startRights(context).roles[name]
  const other = (context.settings.openStart ? CLOSED_RIGHTS : OPEN_RIGHTS).roles[name]
  const isUntouched = role.record.updatedAt === undefined && areSameRights(role.controllers, other)
  if (!isUntouched || areSameRights(wanted, other)) return
  // Rights may always be taken back, but never be handed out once an administrator is responsible for them.
  if (context.settings.openStart && (await adminExists(context))) return
  const change: Change = {
    by: SERVER,
    action: 'role.update',
    subject: `role:${role.id}`,
    details: { before: role.controllers, after: wanted },
  }
  await recordChange(context, change, (event) =>
    context.storage.access.updateRole(role.id, (old) => ({ ...old, controllers: wanted }), event),
  )
}
