/** The recipes: every piece of YAML is laid over the pipeline that it names and loads; every file and test that they name is there. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { Registry } from '../../src/core/registry.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { ROOT } from '../harness/process.ts'

const FOLDER = join(ROOT, 'docs', 'recipes')
const PAGES = readdirSync(FOLDER).sort()
const DECLARED = new Set(BUILTINS.flatMap(({ meta }) => meta.metrics.map(({ name }) => name)))
const textOf = (page: string): string => readFileSync(join(FOLDER, page), 'utf8')

for (const page of PAGES) {
  const text = textOf(page)
  const blocks = [...text.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```/gm)]

  for (const [i, [, indent, body]] of blocks.entries()) {
    const piece = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    const [, base] = /^# over (\S+\.yaml)\n/.exec(piece) ?? []
    test(`${page}: piece ${i + 1} is laid over ${base} without a fault`, () => {
      assert.ok(base, `it does not begin with "# over <file of pipelines/>":\n${piece}`)
      const sources = [join(ROOT, 'pipelines', base), `yaml:${piece}`]

      const { warnings } = loadConfig(sources, [], new Registry(BUILTINS), {})

      const said = warnings.map(({ message }) => message)
      assert.deepEqual(
        said.filter(message => !message.endsWith('is not used by any pipeline')),
        [],
      )
    })
  }

  test(`${page}: what it links to and names is there`, () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path]) => path)
    const pipelines = [...text.matchAll(/\bpipelines\/[a-z-]+\.yaml/g)].map(([path]) => path)
    const tests = [...text.matchAll(/`(?:test\/integration\/)?([a-z-]+\.test\.ts)`/g)]

    const missing = [
      ...links.filter(path => !existsSync(join(FOLDER, path))),
      ...pipelines.filter(path => !existsSync(join(ROOT, path))),
      ...tests
        .map(([, name]) => join('test', 'integration', name))
        .filter(path => !existsSync(join(ROOT, path))),
    ]
    assert.deepEqual(missing, [])
  })

  test(`${page}: metrics that it names are declared`, () => {
    const named = [...text.matchAll(/`((?:otelcol|millrace)_[a-z_]+)`/g)].map(([, name]) => name)

    assert.deepEqual(
      named.filter(name => !DECLARED.has(name)),
      [],
    )
  })
}

test('there is a recipe for each thing that pipelines are made for', () => {
  assert.deepEqual(PAGES, [
    'failover.md',
    'kafka-tier.md',
    'migrate-from-jaeger-agents.md',
    'red-metrics.md',
    'replay.md',
    'two-tier-tail-sampling.md',
  ])
})
