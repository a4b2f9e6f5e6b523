declare const brand: unique symbol

/** Public, non-secret name of a key, unique over all owners. Safe to log. At most `ID_BYTES_MAX` long. */
export type KeyId = string & { readonly [brand]: 'KeyId' }

/** Identifier of a user (Kuzzle: kuid). Safe to log. */
export type UserId = string & { readonly [brand]: 'UserId' }

/** Identifier of a profile. */
export type ProfileId = string & { readonly [brand]: 'ProfileId' }

/** Identifier of a role. */
export type RoleId = string & { readonly [brand]: 'RoleId' }

/** The user of every request that carries no token. It has no stored record and cannot be changed. */
export const ANONYMOUS_ID = '-1' as UserId

/** Most bytes of UTF-8 that an id chosen by a client may have. */
export const ID_BYTES_MAX = 512

/** The profile that makes a user an administrator. */
export const ADMIN_PROFILE_ID = 'admin' as ProfileId
