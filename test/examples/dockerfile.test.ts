/** What can be said of the container image without building it. */
import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../harness/process.ts'

const DOCKERFILE = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
const IGNORED = await readFile(join(ROOT, '.dockerignore'), 'utf8')

/** Sources of all COPY lines that come from the build context. */
function copied(): string[] {
  const lines = DOCKERFILE.split('\n').filter(line => /^COPY (?!--from)/.test(line))
  return lines.flatMap(line => line.split(/\s+/).slice(1, -1))
}

test('copies only what exists and is not ignored', async () => {
  for (const source of copied()) {
    await access(join(ROOT, source))
    assert.ok(IGNORED.split('\n').includes(`!${source.split('/')[0]}`), source)
  }
})

test('carries what the package does, but for its documents', async () => {
  const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const [, last] = DOCKERFILE.split(/^FROM .*(?<!AS build)$/m)
  const carried = [...last.matchAll(/^COPY (?:--from=build )?(.*) \S+$/gm)].flatMap(([, sources]) =>
    sources.split(' ').map(source => source.replace('/build/', '')),
  )

  const documents = ['docs', 'README.md']
  for (const file of files) assert.ok(documents.includes(file) || carried.includes(file), file)
})

test('runs as a user without rights, named by number', () => {
  const users = [...DOCKERFILE.matchAll(/^USER (.*)$/gm)].map(([, user]) => user)

  assert.deepEqual(users, ['1000:1000'])
  assert.ok(DOCKERFILE.indexOf('USER') > DOCKERFILE.lastIndexOf('FROM'))
})

test('exposes the ports on which the copied configuration listens, and asks the one for health', async () => {
  const config = await readFile(join(ROOT, 'pipelines/gateway.yaml'), 'utf8')
  const [, exposed] = /^EXPOSE (.*)$/m.exec(DOCKERFILE)!

  for (const port of exposed.split(' ')) {
    assert.match(config, new RegExp(`(:-localhost\\}:|port: )${port}\\b`))
  }
  assert.match(DOCKERFILE, /^COPY pipelines\/gateway\.yaml \/etc\/millrace\/config\.yaml$/m)
  assert.match(DOCKERFILE, /HEALTHCHECK[\s\S]*127\.0\.0\.1:13133/)
})

test('carries no development dependencies, and nothing that the build keeps for its next run', () => {
  assert.match(DOCKERFILE, /npm prune --omit=dev .*&& rm -rf node_modules\/\.cache$/m)
  assert.equal(DOCKERFILE.match(/^FROM /gm)?.length, 2)
})
