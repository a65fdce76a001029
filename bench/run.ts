/** Runs micro benches, each in a process of its own: `npm run bench [-- NAME...]`; without names all of them. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('micro/', import.meta.url))
/** Every file of the folder is a bench and answers a question in its first comment. */
const benches = readdirSync(folder).map(file => file.replace(/\.ts$/, ''))
const wanted = process.argv.slice(2)

for (const name of wanted.length > 0 ? wanted : benches) {
  if (!benches.includes(name))
    throw new Error(`no bench "${name}"; there are ${benches.join(', ')}`)
  console.log(`\n# ${name}`)
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', `${folder}${name}.ts`], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
