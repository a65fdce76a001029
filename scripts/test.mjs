// Runs the tests: `node scripts/test.mjs [--only=integration|pack|faults] [path part...]`. Without a set it runs all that needs
// no outside server. Node 20 does not expand globs, and a build must stand before tests that start the real program.
// The integration tests get their neighbours first, as far as the machine can have them, and are then bounded to ten minutes.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Sets that are run on their own: they need servers, other Node versions, or minutes. */
const APART = ['integration', 'pack', 'faults']
const INTEGRATION_MS = 600_000
/** A file that hangs is named, and what holds a process open does not hold up the rest. */
const INTEGRATION_FLAGS = ['--test-timeout=240000', '--test-force-exit']

const args = process.argv.slice(2)
const only = args.find(arg => arg.startsWith('--only='))?.slice('--only='.length)
const parts = args.filter(arg => !arg.startsWith('--'))
const set = only === undefined ? [] : only.split(',')

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts'))
  .filter(name => {
    const top = name.split(/[\\/]/)[0]
    return set.length > 0 ? set.includes(top) : !APART.includes(top)
  })
  .map(name => relative(root, join(root, 'test', name)))
  .filter(name => parts.length === 0 || parts.some(part => name.includes(part)))
  .sort()

if (files.length === 0) {
  console.error('no test file matches')
  process.exit(1)
}
const isIntegration = set.includes('integration')
if (isIntegration && parts.length === 0) {
  const fetching = run(['--import', 'tsx', 'test/integration/fetch-peers.ts'])
  if (fetching.status !== 0) process.exit(fetching.status ?? 1)
}
const flags = ['--import', 'tsx', '--test', '--test-concurrency=2', '--test-reporter=spec']
const timeout = isIntegration ? INTEGRATION_MS : undefined
if (isIntegration) flags.push(...INTEGRATION_FLAGS)
const { status, error } = run([...flags, ...files], { timeout })
if (error?.code === 'ETIMEDOUT') {
  console.error(`the integration tests took longer than ${INTEGRATION_MS / 60_000} minutes`)
}
process.exit(status ?? 1)

function run(args, options = {}) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', ...options })
}
