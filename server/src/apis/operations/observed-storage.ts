import type { AccessStore } from '../../core/ports/access-store.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { SAMPLED_ONE_IN, type StoreOperation } from './metric-table.ts'
import type { Metrics } from './metrics.ts'

/** One call of the store. */
export type StoreCall = {
  /** Which part of the store, such as `keys`. */
  readonly store: string
  readonly method: string
  readonly operation: StoreOperation
}

/** Looks on while the store works. */
export type StoreObserver = {
  /** Does the work and answers what it answers; a promise when the work gives one. */
  around<T>(call: StoreCall, work: () => T): T
  /** One look-up of a key in so many is shown to `around`. */
  readonly lookUpsOneIn: number
}

/** The same storage, observed. What verifications ask of memory is not slowed down by more than a count. */
export function observedStorage(storage: Storage, observer: StoreObserver): Storage {
  const stores = Object.entries(storage)
    .filter(([, member]) => typeof member === 'object')
    .map(([name, store]) => [name, observedStore(store, name, observer)] as const)
  return {
    ...storage,
    ...Object.fromEntries(stores),
    keys: observedKeys(storage.keys, observer),
    access: observedAccess(storage.access, observer),
    // What a node says of itself is no work for anybody who asks.
    ...(storage.cluster !== undefined && { cluster: storage.cluster }),
    // It answers from memory at most verifications.
    ...(storage.rates !== undefined && { rates: storage.rates }),
    ...(storage.changes !== undefined && { changes: storage.changes }),
    isHealthy: () => storage.isHealthy(),
    cachedKeys: () => storage.cachedKeys(),
    close: () => storage.close(),
  }
}

/** Times the calls of a store; writes end when they are durable. */
export function storeTimer(metrics: Metrics): StoreObserver {
  return {
    lookUpsOneIn: SAMPLED_ONE_IN,
    around: ({ operation }, work) => {
      const startedAt = performance.now()
      const ended = (): void => metrics.stored(operation, (performance.now() - startedAt) / 1000)
      const answer = work()
      if (answer instanceof Promise) void answer.then(ended, ended)
      else ended()
      return answer
    },
  }
}

function observedKeys(keys: KeyStore, observer: StoreObserver): KeyStore {
  const call: StoreCall = { store: 'keys', method: 'lookUp', operation: 'look_up' }
  let untilSample = 0
  const lookUp: KeyStore['lookUp'] = (fingerprint) => {
    untilSample -= 1
    if (untilSample >= 0) return keys.lookUp(fingerprint)
    untilSample = observer.lookUpsOneIn - 1
    return observer.around(call, () => keys.lookUp(fingerprint))
  }
  return withMethods(observedStore(keys, 'keys', observer), { lookUp })
}

/** Roles are answered from memory at each verification. */
function observedAccess(access: AccessStore, observer: StoreObserver): AccessStore {
  const rolesOf: AccessStore['rolesOf'] = (user) => access.rolesOf(user)
  return withMethods(observedStore(access, 'access', observer), { rolesOf })
}

/** Shows every method call to the observer. */
function observedStore<T extends object>(store: T, name: string, observer: StoreObserver): T {
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(store, {
    get(target, property) {
      const known = methods.get(property)
      if (known !== undefined) return known
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      const call: StoreCall = {
        store: name,
        method: String(property),
        operation: operationOf(String(property)),
      }
      const observed = (...args: readonly unknown[]): unknown =>
        observer.around(call, () => Reflect.apply(member, target, args))
      methods.set(property, observed)
      return observed
    },
  })
}

/** An object that has some methods of its own and everything else from another one, without asking that first. */
function withMethods<T extends object>(base: T, methods: Partial<T>): T {
  return Object.assign(Object.create(base), methods)
}

/** What kind of work a method of a store is, told from its verb. */
export function operationOf(method: string): StoreOperation {
  if (/^search/.test(method)) return 'search'
  return READS.test(method) ? 'read' : 'write'
}

const READS = /^(?:find|count|exists|list|read$|usage$|credits$|ownerLimits$|rolesOf$)/
