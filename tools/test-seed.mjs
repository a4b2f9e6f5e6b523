// Loaded before each test file: random tests draw the same values in every run, so that a run tells of the code and not of
// luck. TEST_SEED=random draws others each time, and a number those of a run that failed.

import fc from 'fast-check'

const SEED = 20_261_121

const given = process.env.TEST_SEED ?? String(SEED)
const seed = given === 'random' ? Date.now() % 2 ** 31 : Number(given)
if (!Number.isSafeInteger(seed)) throw new Error(`TEST_SEED is "${given}", not a number or "random"`)
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })
