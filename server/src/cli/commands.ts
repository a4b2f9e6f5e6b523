import type { Command } from './command.ts'
import { CREATE_ADMIN } from './create-admin.ts'
import { LIST_SETTINGS } from './list-settings.ts'
import { SERVE } from './serve.ts'

/** Every command; the first is what the program does when it is told nothing. */
export const COMMANDS: readonly Command[] = [SERVE, CREATE_ADMIN, LIST_SETTINGS]
