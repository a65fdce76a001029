/** Prometheus' own checker of metrics and rules: the system's, or unpacked from Debian's package. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fetched, run } from './peer-cache.ts'

/** Path of `promtool`; downloads the package when there is none. */
export function promtool(): string {
  if (runs('promtool')) return 'promtool'
  return fetched({
    peer: 'promtool',
    path: join('bin', 'promtool'),
    needs: 'promtool on the path, or apt-get and dpkg with the package prometheus',
    make: target => {
      const folder = `${target}.d`
      mkdirSync(folder)
      download(folder)
      const [archive] = readdirSync(folder).filter(name => name.endsWith('.deb'))
      run('dpkg', ['-x', join(folder, archive), folder])
      copyFileSync(join(folder, 'usr', 'bin', 'promtool'), target)
    },
  })
}

/** A new container has no lists of packages yet. */
function download(folder: string): void {
  const get = (): string => run('apt-get', ['download', 'prometheus'], { cwd: folder })
  try {
    get()
  } catch {
    run('apt-get', ['update'])
    get()
  }
}

function runs(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What `promtool check metrics` has against an exposition; empty when it is clean. */
export function checkMetrics(exposition: string): string {
  const { status, stdout, stderr } = spawnSync(promtool(), ['check', 'metrics'], {
    input: exposition,
    encoding: 'utf8',
  })
  const said = `${stdout}${stderr}`.trim()
  return status === 0 || said !== '' ? said : `promtool ended with ${status}`
}
