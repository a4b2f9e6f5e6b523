import type { Controller } from './action.ts'
import { adminController } from './actions/admin-controller.ts'
import { authController } from './actions/auth-controller.ts'
import { securityController } from './actions/security-controller.ts'
import { createServerController } from './actions/server-controller.ts'

/** Every action of this API, by controller and name. */
export const CONTROLLERS: Readonly<Record<string, Controller>> = {
  auth: authController,
  security: securityController,
  server: createServerController(() => CONTROLLERS),
  admin: adminController,
}
