/** The guide to tenants: every piece of YAML in it is loaded, and what the text says about it is so. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { Source } from '../../src/config/source.ts'
import { Registry } from '../../src/core/registry.ts'
import type { TenantsConfig } from '../../src/extensions/tenants/config.ts'
import { readPolicy } from '../../src/extensions/tenants/policy.ts'
import { ruleLanguage } from '../../src/rules/files/language.ts'
import { loadRules } from '../../src/rules/files/load.ts'
import type { TenantPolicy } from '../../src/tenancy/policy/policy.ts'
import { costOf, type Prices } from '../../src/tenancy/usage/prices.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { ROOT } from '../harness/process.ts'

const TEXT = readFileSync(join(ROOT, 'docs', 'tenancy.md'), 'utf8')
/** YAML blocks begin with the name of their file. */
const BLOCKS = new Map(
  [...TEXT.matchAll(/```yaml\n# (\S+\.yaml)\n([\s\S]*?)```/g)].map(match => [match[1], match[2]]),
)
const BASE = 'gateway.yaml'
const named = (folder: string): string[] =>
  [...BLOCKS.keys()].filter(name => dirname(name) === folder)
const GIB = 2 ** 30

/** The gateway of the page with a piece laid over it. */
function load(piece?: string) {
  const names = piece === undefined ? [BASE] : [BASE, piece]
  const sources = names.map(name => `yaml:${BLOCKS.get(name)}`)
  return loadConfig(sources, [], new Registry(BUILTINS), {})
}

function tenantsOf(piece?: string): TenantsConfig {
  return load(piece).extensions.get('tenants')!.config as TenantsConfig
}

function policyOf(config: TenantsConfig): TenantPolicy {
  const { policy, problems } = readPolicy(config)
  assert.deepEqual(problems, [])
  return policy!
}

test('every piece of YAML has a name and is of a kind that is loaded here', () => {
  const blocks = TEXT.match(/```yaml/g) ?? []

  assert.equal(BLOCKS.size, blocks.length)
  assert.equal(named('.').length + named('tenants.d').length + named('rules').length, BLOCKS.size)
  assert.ok(named('.').length >= 10)
})

for (const name of named('.')) {
  test(`${name} is a configuration without a fault`, () => {
    const { warnings } = load(name === BASE ? undefined : name)

    assert.deepEqual(warnings, [])
  })
}

for (const name of named('tenants.d')) {
  test(`${name} is a tenant file that fits the configuration with files`, t => {
    const folder = lay(t, name)
    const config = tenantsOf('with-files.yaml')
    const files = config.files.map(file => join(folder, file))

    const policy = policyOf({ ...config, files })

    const { limits, origin } = policy.resolve('market')!
    assert.deepEqual([limits.items?.rate, limits.weight], [30_000, 2])
    assert.ok(origin.endsWith('market.yaml:3'), origin)
  })
}

for (const name of named('rules')) {
  test(`${name} is a rule file without a fault`, () => {
    const { problems } = loadRules([new Source(name, BLOCKS.get(name)!)], {
      language: ruleLanguage,
    })

    assert.deepEqual(problems, [])
  })
}

test('limits come from the entry, the glob and the defaults, as the text says', () => {
  const policy = policyOf(tenantsOf('with-limits.yaml'))

  const { limits } = policy.resolve('shop-web')!

  assert.equal(limits.items?.rate, 50_000)
  assert.equal(limits.weight, 8)
  assert.equal(limits.bytes?.rate, 8 * 2 ** 20)
  assert.equal(limits.dailyBytes, 500e9)
})

test('who is not named is refused where `unknown` says so', () => {
  const policy = policyOf(tenantsOf())

  assert.equal(policy.resolve('market'), null)
  assert.equal(policy.resolve('shop')?.limits.items?.rate, 50_000)
})

test('an exporter has the price that stands beside its name', () => {
  const prices = tenantsOf('with-prices.yaml').prices as Prices
  const delivered = [{ exporter: 'otlp_grpc', bytes: GIB }]

  const cost = costOf({ signal: 'logs', accepted: 0, bytesIn: 0, delivered }, prices)

  assert.equal(cost, 0.09)
})

/** Writes a piece to where it says, in a folder of its own. */
function lay(t: TestContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-guide-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, BLOCKS.get(name)!)
  return folder
}
