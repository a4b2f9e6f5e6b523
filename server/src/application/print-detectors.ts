import { DETECTOR_FORMATS, type DetectorFormat, printDetectors } from '../core/keys/detectors.ts'
import type { Settings } from '../settings/settings.ts'
import { coreSettingsOf } from './core-settings-of.ts'

export { DETECTOR_FORMATS, type DetectorFormat }

/** Rules for scanners of secrets that find leaked tokens of the keyspaces that the settings name. */
export function printDetectorsOf(settings: Settings, format: DetectorFormat): string {
  return printDetectors(coreSettingsOf(settings).keyspaces, format)
}
