/**
 * Judges the product by data that other people made: `npm run test:conformance [-- SUITE...]`.
 * The data root is `CONFORMANCE_DATA` (default `../shared/data`). Prints each failure by id and one closing line per
 * suite; exits 1 on a failure that is not known, or on a known one that passes now.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { KNOWN } from './known.ts'
import type { Suite } from './suite.ts'
import { SUITES } from './suites/index.ts'

const root = resolve(process.env.CONFORMANCE_DATA ?? '../shared/data')
const wanted = process.argv.slice(2)

interface Tally {
  passed: number
  failed: number
  unexpected: number
}

async function main(): Promise<number> {
  if (!existsSync(root)) {
    console.log(`no conformance data at ${root}; set CONFORMANCE_DATA`)
    return 1
  }
  const total: Tally = { passed: 0, failed: 0, unexpected: 0 }
  for (const suite of SUITES) {
    if (wanted.length > 0 && !wanted.includes(suite.name)) continue
    const tally = await runSuite(suite)
    total.passed += tally.passed
    total.failed += tally.failed
    total.unexpected += tally.unexpected
  }
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.unexpected > 0 ? 1 : 0
}

async function runSuite(suite: Suite): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, unexpected: 0 }
  const path = join(root, suite.path)
  if (!existsSync(path)) {
    console.log(`${suite.name}: absent (${suite.path})`)
    return tally
  }
  let unjudged = 0
  for await (const { id, failure, isUnjudged } of suite.run(path)) {
    if (isUnjudged === true) {
      unjudged++
      continue
    }
    const known = KNOWN.get(`${suite.name}#${id}`)
    if (failure === undefined) {
      tally.passed++
      if (known === undefined) continue
      tally.unexpected++
      console.log(`${suite.name}#${id}: passes although listed as known to fail: ${known}`)
    } else {
      tally.failed++
      if (known === undefined) tally.unexpected++
      const note = known === undefined ? '' : ` [known: ${known}]`
      console.log(`${suite.name}#${id}: ${failure.replaceAll('\n', ' ').slice(0, 400)}${note}`)
    }
  }
  if (unjudged > 0) console.log(`${suite.name}: ${unjudged} cases ask for what is not built yet`)
  console.log(`${suite.name}: ${tally.passed} passed, ${tally.failed} failed`)
  return tally
}

process.exitCode = await main()
