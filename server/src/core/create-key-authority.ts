import { adminExists } from './access/admin-exists.ts'
import { isAllowed, mayUser } from './access/check-right.ts'
import { countRequest } from './access/count-request.ts'
import { createToken } from './access/create-token.ts'
import { createFirstAdmin, createRestrictedUser, createUser } from './access/create-user.ts'
import { getUser } from './access/find-users.ts'
import { identifyCaller } from './access/identify-caller.ts'
import { listRights } from './access/list-rights.ts'
import { checkStrategy, LOCAL_FIELDS, STRATEGIES } from './access/local-credentials.ts'
import { countAttempt, findUserByPassword, logIn } from './access/log-in.ts'
import { logOut, revokeSessions } from './access/log-out.ts'
import { createLoginThrottle } from './access/login-throttle.ts'
import {
  createCredentials,
  credentialsExist,
  getCredentials,
  getCredentialsByUsername,
  removeCredentials,
  searchCredentials,
  strategiesOf,
  updateCredentials,
  validateCredentials,
} from './access/manage-credentials.ts'
import { refreshSession } from './access/refresh-session.ts'
import { removeUser } from './access/remove-user.ts'
import { createRequestCounter } from './access/request-counter.ts'
import { replaceUser, updateUser, upsertUser } from './access/update-user.ts'
import type { RoleNames } from './access/validate-role.ts'
import { getProfile, putProfile, removeProfile, updateProfile } from './access/write-profile.ts'
import { getRole, putRole, removeRole, updateRole } from './access/write-role.ts'
import { loadSecurities } from './administration/load-securities.ts'
import { prepareStore } from './administration/prepare-store.ts'
import { recoverAdministrator } from './administration/recover-administrator.ts'
import { resetSecurity } from './administration/reset-security.ts'
import { restrictDefaultRights } from './administration/restrict-default-rights.ts'
import { extendMapping, getMapping } from './administration/searchable-fields.ts'
import type { Context, CoreDependencies } from './context.ts'
import type {
  AdministrationUseCases,
  CredentialUseCases,
  KeyAuthority,
  KeyUseCases,
  LifeCycleUseCases,
  ManagedTokenUseCases,
  ProfileUseCases,
  RoleUseCases,
  SessionUseCases,
  TokenUseCases,
  UserUseCases,
  VerificationUseCases,
} from './key-authority.ts'
import { changeManyKeys } from './keys/bulk-keys.ts'
import { checkKey, checkKeys } from './keys/check-key.ts'
import { disableKey, enableKey } from './keys/disable-key.ts'
import { createEndedTokens } from './keys/ended-tokens.ts'
import { explainKey } from './keys/explain-key.ts'
import { findKeys } from './keys/find-keys.ts'
import { fingerprintRange } from './keys/fingerprint-range.ts'
import { getKey } from './keys/get-key.ts'
import { grantedScopes } from './keys/granted-scopes.ts'
import { createHashKeys } from './keys/hash-keys.ts'
import { importTokens } from './keys/import-tokens.ts'
import { createKey, issueKey, issueKeyForSelf } from './keys/issue-key.ts'
import { keyUsage, setCredits } from './keys/key-credits.ts'
import { listKeys, searchKeys } from './keys/list-keys.ts'
import {
  endToken,
  getToken,
  listTokens,
  renewToken,
  setTokenEnabled,
  verifyHolder,
  verifyToken,
} from './keys/managed-tokens.ts'
import { checkTokenIssue, issueToken } from './keys/managed-tokens-issue.ts'
import { isNamesake } from './keys/namesakes.ts'
import { getOwnerLimits, setOwnerLimits } from './keys/owner-limits.ts'
import { createProofMemory } from './keys/proof-memory.ts'
import { createRateCounters } from './keys/rate-limits.ts'
import { createTokenRechecks } from './keys/recheck-tokens.ts'
import { reportLeaks } from './keys/report-leaks.ts'
import { restoreKey } from './keys/restore-key.ts'
import { revokeKey, revokeKeyOf } from './keys/revoke-key.ts'
import { revokeToken } from './keys/revoke-token.ts'
import { rotateKey } from './keys/rotate-key.ts'
import { noteRefused } from './keys/shown-key.ts'
import { createSigningSecret } from './keys/signing-secret.ts'
import { updateKey } from './keys/update-key.ts'
import { ownerRolesOf } from './keys/use-key.ts'
import { inspectKey, verifyKey } from './keys/verify-key.ts'
import { removeEach } from './remove-each.ts'

/** Limits that are counted at the same time, of all keys and owners in use: about 100 MB. */
export const RATE_COUNTERS_MAX = 1_000_000

/**
 * The key authority of a store. Call `administration.prepareStore` once before anything else.
 *
 * It remembers between calls only what may be lost: how often somebody tried to log in or asked for something.
 */
export function createKeyAuthority(deps: CoreDependencies): KeyAuthority {
  const { storage, clock, randomness, settings } = deps
  const context: Context = {
    ...deps,
    ended: createEndedTokens(),
    rates: deps.storage.rates ?? deps.rates ?? createRateCounters({ countersMax: RATE_COUNTERS_MAX }),
    proofs: createProofMemory(),
    requests: createRequestCounter(clock),
    logins: createLoginThrottle(settings, randomness),
    signingSecret: createSigningSecret({
      configured: settings.tokenSecret,
      config: storage.config,
      randomness,
    }),
    hashKeys: createHashKeys(storage.config),
  }
  return {
    tokens: tokenUseCases(context),
    keys: keyUseCases(context),
    verification: verificationUseCases(context),
    lifeCycle: lifeCycleUseCases(context),
    managedTokens: managedTokenUseCases(context),
    sessions: sessionUseCases(context),
    users: userUseCases(context),
    credentials: credentialUseCases(context),
    roles: roleUseCases(context),
    profiles: profileUseCases(context),
    administration: administrationUseCases(context),
  }
}

function tokenUseCases(context: Context): TokenUseCases {
  return {
    verify: (token, origin) => verifyKey(context, token, origin),
    inspect: (token, origin) => inspectKey(context, token, origin),
    identify: (token, origin) => identifyCaller(context, token, origin),
    isAllowed: (caller, right) => isAllowed(context, caller, right),
    mayUser: (user, right) => mayUser(context, user, right),
    countRequest: (user) => countRequest(context, user),
    onEnded: context.ended.onEnded,
    onLifeChanged: context.ended.onLifeChanged,
    recheck: createTokenRechecks(context).recheck,
  }
}

function keyUseCases(context: Context): KeyUseCases {
  return {
    issueForSelf: (caller, request) => issueKeyForSelf(context, caller, request),
    issueFor: (caller, request) => issueKey(context, caller, request),
    find: (owner, search) => findKeys(context, owner, search),
    revoke: (caller, owner, id) => revokeKeyOf(context, caller, owner, id),
  }
}

function verificationUseCases(context: Context): VerificationUseCases {
  return {
    check: (token, check, request) => checkKey(context, token, check, request),
    checkAll: (questions, request) => checkKeys(context, questions, request),
    grantedScopes: async (key) =>
      key.policy?.scopes && grantedScopes(key.policy.scopes, await ownerRolesOf(context, key)),
    fingerprintRange: (digits) => fingerprintRange(context, digits),
    explain: (token, check) => explainKey(context, token, check),
  }
}

function lifeCycleUseCases(context: Context): LifeCycleUseCases {
  return {
    create: (caller, request) => createKey(context, caller, request),
    get: (caller, id) => getKey(context, caller, id),
    list: (caller, filter, page) => listKeys(context, caller, filter, page),
    search: (caller, owner, search) => searchKeys(context, caller, owner, search),
    update: (caller, id, change) => updateKey(context, caller, id, change),
    disable: (caller, id, reason) => disableKey(context, caller, id, reason),
    enable: (caller, id) => enableKey(context, caller, id),
    revoke: (caller, id, why) => revokeKey(context, caller, id, why),
    restore: (caller, id) => restoreKey(context, caller, id),
    rotate: (caller, id, how) => rotateKey(context, caller, id, how),
    setCredits: (caller, id, change) => setCredits(context, caller, id, change),
    usage: (caller, id, days) => keyUsage(context, caller, id, days),
    bulk: (caller, operation, selection) => changeManyKeys(context, caller, operation, selection),
    revokeToken: (token, origin, reason) => revokeToken(context, token, origin, reason),
    reportLeaks: (by, reports) => reportLeaks(context, by, reports),
    setOwnerLimits: (caller, owner, limits) => setOwnerLimits(context, caller, owner, limits),
    ownerLimits: (caller, owner) => getOwnerLimits(context, caller, owner),
  }
}

function managedTokenUseCases(context: Context): ManagedTokenUseCases {
  return {
    issue: (request, origin) => issueToken(context, request, origin),
    checkIssue: (request, origin) => checkTokenIssue(context, request, origin),
    verify: (token, check) => verifyToken(context, token, check),
    verifyHolder: (id, check) => verifyHolder(context, id, check),
    get: (id) => getToken(context, id),
    isNamesake: (name, trust) => isNamesake(context, name, trust),
    list: (filter, manager) => listTokens(context, filter, manager),
    setEnabled: (id, enabled, manager) => setTokenEnabled(context, id, enabled, manager),
    revoke: (id, manager) => endToken(context, id, manager),
    renew: (id, expiresAt, manager) => renewToken(context, id, expiresAt, manager),
    noteForbidden: (manager, act) => noteRefused(context, manager, act, 'right.missing'),
    importTokens: (tokens, request, origin) => importTokens(context, tokens, request, origin),
  }
}

function sessionUseCases(context: Context): SessionUseCases {
  return {
    strategies: () => STRATEGIES,
    login: (request, origin) => logIn(context, request, origin),
    findUserByPassword: (shown, origin) => findUserByPassword(context, shown, origin),
    countAttempt: (username, origin) => countAttempt(context, username, origin),
    createToken: (caller, request) => createToken(context, caller, request),
    refresh: (caller, request) => refreshSession(context, caller, request),
    logout: (caller, everywhere) => logOut(context, caller, everywhere),
    revokeAll: (caller, owner) => revokeSessions(context, caller, owner),
  }
}

function userUseCases(context: Context): UserUseCases {
  const { access, users } = context.storage
  return {
    create: (caller, request) => createUser(context, caller, request),
    createRestricted: (caller, request) => createRestrictedUser(context, caller, request),
    createFirstAdmin: (caller, request) => createFirstAdmin(context, caller, request),
    get: (id) => getUser(context, id),
    getMany: (ids) => users.findMany(ids),
    update: (caller, id, change) => updateUser(context, caller, { ...change, id }),
    replace: (caller, id, to) => replaceUser(context, caller, { ...to, id }),
    upsert: (caller, id, change) => upsertUser(context, caller, { ...change, id }),
    remove: (caller, id) => removeUser(context, caller, id),
    removeMany: (caller, ids) => removeEach(ids, (id) => removeUser(context, caller, id)),
    search: (search) => users.search(search),
    adminExists: () => adminExists(context),
    rights: (user) => listRights(access, user.profileIds),
  }
}

function credentialUseCases(context: Context): CredentialUseCases {
  return {
    fields: (strategy) => {
      checkStrategy(strategy)
      return LOCAL_FIELDS
    },
    create: (caller, strategy, owner, body) => createCredentials(context, caller, { strategy, owner, body }),
    update: (caller, strategy, owner, body) => updateCredentials(context, caller, { strategy, owner, body }),
    validate: (strategy, owner, body) => validateCredentials(context, strategy, { owner, body }),
    remove: (caller, strategy, owner) => removeCredentials(context, caller, { strategy, owner }),
    exist: (strategy, owner) => credentialsExist(context, { strategy, owner }),
    get: (strategy, owner) => getCredentials(context, { strategy, owner }),
    getByUsername: (strategy, username) => getCredentialsByUsername(context, strategy, username),
    strategiesOf: (owner) => strategiesOf(context, owner),
    search: (strategy, search) => searchCredentials(context, strategy, search),
  }
}

function roleUseCases(context: Context): RoleUseCases {
  return {
    create: (caller, id, request, force) =>
      putRole(context, caller, { id, request, names: namesOf(force), existing: 'refuse' }),
    createOrReplace: (caller, id, request, force) =>
      putRole(context, caller, { id, request, names: namesOf(force), existing: 'replace' }),
    put: (caller, id, request) =>
      putRole(context, caller, { id, request, names: 'free', existing: 'replace' }),
    update: (caller, id, request, force) =>
      updateRole(context, caller, { id, request, names: namesOf(force) }),
    remove: (caller, id) => removeRole(context, caller, id),
    removeMany: (caller, ids) => removeEach(ids, (id) => removeRole(context, caller, id)),
    get: (id) => getRole(context, id),
    getMany: (ids) => Promise.all(ids.map((id) => getRole(context, id))),
    search: (search) => context.storage.access.searchRoles(search),
  }
}

function namesOf(force: boolean): RoleNames {
  return force ? 'forced' : 'known'
}

function profileUseCases(context: Context): ProfileUseCases {
  const { access } = context.storage
  return {
    create: (caller, id, request) => putProfile(context, caller, { id, request, existing: 'refuse' }),
    createOrReplace: (caller, id, request) =>
      putProfile(context, caller, { id, request, existing: 'replace' }),
    update: (caller, id, request) => updateProfile(context, caller, { id, request }),
    remove: (caller, id, assigned) => removeProfile(context, caller, { id, assigned }),
    removeMany: (caller, ids) =>
      removeEach(ids, (id) => removeProfile(context, caller, { id, assigned: 'refuse' })),
    get: (id) => getProfile(context, id),
    getMany: (ids) => Promise.all(ids.map((id) => getProfile(context, id))),
    search: (search) => access.searchProfiles(search),
    rights: async (id) => listRights(access, [(await getProfile(context, id)).id]),
  }
}

function administrationUseCases(context: Context): AdministrationUseCases {
  return {
    prepareStore: () => prepareStore(context),
    restrictDefaultRights: (caller) => restrictDefaultRights(context, caller),
    loadSecurities: (caller, securities, options) => loadSecurities(context, caller, { securities, options }),
    resetSecurity: (caller) => resetSecurity(context, caller),
    recoverAdministrator: (caller, login) => recoverAdministrator(context, caller, login),
    mapping: (collection) => getMapping(context, collection),
    extendMapping: (caller, collection, added) => extendMapping(context, caller, { collection, added }),
  }
}
