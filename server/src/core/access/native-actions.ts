/**
 * Every controller and action that a Kuzzle server has by itself, whether Latchkey serves it or not: roles written for
 * Kuzzle name them, and a role that names any other is most likely misspelt. And `keys`, which is ours: what may be done
 * with everybody's keys, see `key-rights.ts`.
 */
export const NATIVE_ACTIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(catalogue()).map(([controller, actions]) => [controller, new Set(actions.split(/\s+/))]),
)

/**
 * The controllers whose rights decide what a caller may do here. Of the others, such as `document`, what a role grants is
 * only told to those who ask for it.
 */
export const OBEYED_CONTROLLERS: ReadonlySet<string> = new Set(['auth', 'keys', 'security', 'server'])

function catalogue(): Readonly<Record<string, string>> {
  const memoryStorage = `append bitcount bitop bitpos dbsize decr decrby del exists expire expireat flushdb geoadd
    geodist geohash geopos georadius georadiusbymember get getbit getrange getset hdel hexists hget hgetall hincrby
    hincrbyfloat hkeys hlen hmget hmset hscan hset hsetnx hstrlen hvals incr incrby incrbyfloat keys lindex linsert
    llen lpop lpush lpushx lrange lrem lset ltrim mexecute mget mset msetnx object persist pexpire pexpireat pfadd
    pfcount pfmerge ping psetex pttl randomkey rename renamenx rpop rpoplpush rpush rpushx sadd scan scard sdiff
    sdiffstore set setex setnx sinter sinterstore sismember smembers smove sort spop srandmember srem sscan strlen
    sunion sunionstore time touch ttl type zadd zcard zcount zincrby zinterstore zlexcount zrange zrangebylex
    zrangebyscore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex
    zrevrangebyscore zrevrank zscan zscore zunionstore`
  return {
    admin: `dump loadFixtures loadMappings loadSecurities refreshIndexCache resetCache resetDatabase
      resetKuzzleData resetSecurity shutdown`,
    auth: `checkRights checkToken createApiKey createMyCredentials createToken credentialsExist deleteApiKey
      deleteMyCredentials getCurrentUser getMyCredentials getMyRights getStrategies login logout refreshToken
      searchApiKeys updateMyCredentials updateSelf validateMyCredentials`,
    bulk: 'deleteByQuery import mWrite updateByQuery write',
    cluster: 'status',
    collection: `create delete deleteSpecifications exists getMapping getSettings getSpecifications list refresh
      scrollSpecifications searchSpecifications truncate update updateMapping updateSpecifications
      validateSpecifications`,
    debug: 'addListener disable enable nodeVersion post removeListener',
    document: `count create createOrReplace delete deleteByQuery deleteFields exists export get mCreate
      mCreateOrReplace mDelete mExists mGet mReplace mUpdate mUpsert replace scroll search update updateByQuery
      upsert validate`,
    index: 'create delete exists list mDelete stats',
    memoryStorage,
    keys: 'create explain range read revoke update verify',
    ms: memoryStorage,
    realtime: 'count join list publish subscribe unsubscribe validate',
    security: `checkRights createApiKey createCredentials createFirstAdmin createOrReplaceProfile
      createOrReplaceRole createProfile createRestrictedUser createRole createUser deleteApiKey deleteCredentials
      deleteProfile deleteRole deleteUser getAllCredentialFields getCredentialFields getCredentials
      getCredentialsById getProfile getProfileMapping getProfileRights getRole getRoleMapping getUser
      getUserMapping getUserRights getUserStrategies hasCredentials mDeleteProfiles mDeleteRoles mDeleteUsers
      mGetProfiles mGetRoles mGetUsers refresh replaceUser restrictDefaultRights revokeTokens scrollProfiles
      scrollUsers searchApiKeys searchProfiles searchRoles searchUsers searchUsersByCredentials
      updateCredentials updateProfile updateProfileMapping updateRole updateRoleMapping updateUser
      updateUserMapping upsertUser validateCredentials`,
    server: `adminExists capabilities getAllStats getConfig getLastStats getStats healthCheck info metrics now
      openapi publicApi`,
  }
}
