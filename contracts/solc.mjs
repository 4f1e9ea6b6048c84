#!/usr/bin/env node
// Lets the npm compiler stand in for a native solc: `--version` and `--standard-json` only.
// The npm package's own command line prints a notice before its JSON, which callers cannot parse.
import { readFileSync } from 'node:fs'
import solc from 'solc'

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`)
} else {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
}
