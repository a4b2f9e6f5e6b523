import { AUDIT } from './audit.ts'
import { CLUSTER } from './cluster.ts'
import type { Command } from './command.ts'
import { CREATE_ADMIN } from './create-admin.ts'
import { DETECTORS } from './detectors.ts'
import { IMPORT } from './import-knox.ts'
import { LIST_SETTINGS } from './list-settings.ts'
import { MOVE } from './move.ts'
import { PARTITION } from './partition.ts'
import { SERVE } from './serve.ts'

/** Every command; the first is what the program does when it is told nothing. */
export const COMMANDS: readonly Command[] = [
  SERVE,
  CREATE_ADMIN,
  LIST_SETTINGS,
  DETECTORS,
  IMPORT,
  CLUSTER,
  AUDIT,
  MOVE,
  PARTITION,
]
