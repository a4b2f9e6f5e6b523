import { EVERYTHING } from '../../core/access/default-rights.ts'
import type { ControllerRights } from '../../core/access/role.ts'

/** One permission of a role: `invoices:read`, `invoices:*`, `*`. */
export const PERMISSION = /^(?:\*(?::\*)?|[A-Za-z0-9._-]+:(?:\*|[A-Za-z0-9._-]+))$/

/** A list of permissions as a role holds them. */
export function rightsOf(permissions: readonly string[]): ControllerRights {
  // In a role a name hides the star beside it, so that `*` stands alone or it would mean less than everything.
  if (permissions.some((permission) => permission === '*' || permission === '*:*')) return EVERYTHING
  const controllers = new Map<string, Map<string, true>>()
  for (const permission of permissions) {
    const [controller = '', action = ''] = permission.split(':')
    const actions = controllers.get(controller) ?? new Map<string, true>()
    controllers.set(controller, actions.set(action, true))
  }
  return Object.fromEntries(
    [...controllers].map(([controller, actions]) => [controller, { actions: Object.fromEntries(actions) }]),
  )
}

/** What a role grants, and what of it it does not: roles that were made elsewhere can say both. */
export function printRights(controllers: ControllerRights): {
  readonly permissions: readonly string[]
  readonly exceptions: readonly string[]
} {
  const lines = Object.entries(controllers).flatMap(([controller, { actions }]) =>
    Object.entries(actions).map(([action, allowed]) => ({
      allowed,
      text: controller === '*' && action === '*' ? '*' : `${controller}:${action}`,
    })),
  )
  const texts = (wanted: boolean) => lines.filter(({ allowed }) => allowed === wanted).map(({ text }) => text)
  return { permissions: texts(true), exceptions: texts(false) }
}
