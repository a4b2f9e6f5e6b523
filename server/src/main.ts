#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { runCommandLine } from './cli/run-command-line.ts'
import { processTerminal } from './cli/terminal.ts'

/** Output may still be on its way when a command is done; after this time nobody waits for it any more. */
const LINGER_MAX_MS = 500

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal())
// Only fires when something still holds the process.
setTimeout(() => process.exit(), LINGER_MAX_MS).unref()
