/** Configuration of `redaction`. Keys, defaults and checks are upstream's; what the sanitizers do is left out. */
import { z } from 'zod'
import { idle, secret, section, textField, type Wrong, wrong } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { compileRegex } from '../../rules/regex.ts'

const HASH_FUNCTIONS = ['', 'sha1', 'sha3', 'md5', 'hmac-sha256', 'hmac-sha512'] as const
export type HashFunction = (typeof HASH_FUNCTIONS)[number]

/** Least bytes of the key: those of the hash. */
const MIN_HMAC_KEY: Readonly<Partial<Record<HashFunction, number>>> = {
  'hmac-sha256': 32,
  'hmac-sha512': 64,
}

const PATTERN_KEYS = [
  'ignored_key_patterns',
  'blocked_key_patterns',
  'allowed_values',
  'blocked_values',
] as const

const DATABASES = ['sql', 'redis', 'valkey', 'memcached', 'mongo', 'opensearch', 'es'] as const

const list = (text: string) => z.array(z.string()).default([]).describe(text)

const noEffect = "Accepted for upstream's sake; no effect."
const sanitizesNames = () => idle(z.boolean().optional()).describe(noEffect)

const sanitizer = {
  enabled: z.boolean().default(false).describe('Not supported; must be false.'),
  attributes: idle(list(noEffect)),
}

const database = (name: string) => section(sanitizer).describe(`Queries of ${name}; not supported.`)

const schema = section({
  allow_all_keys: z
    .boolean()
    .default(false)
    .describe('Keeps all keys; `allowed_keys` has no meaning then.'),
  allowed_keys: list('Keys that stay; all others are removed, and all of them if this is empty.'),
  ignored_keys: list('Keys that stay as they are, whatever the other rules say.'),
  ignored_key_patterns: list('The same by regular expression.'),
  redact_all_types: z
    .boolean()
    .default(false)
    .describe('Checks values of all types by their text; false checks texts only.'),
  blocked_key_patterns: list('Regular expressions of keys whose values are masked as a whole.'),
  blocked_values: list('Regular expressions; what they match in a value is masked, in this order.'),
  allowed_values: list('Regular expressions; a value in which one matches is not masked.'),
  hash_function: textField(readHashFunction, { enum: [...HASH_FUNCTIONS] })
    .prefault('' as never)
    .describe('Writes hashes, in hexadecimal, in place of asterisks.'),
  hmac_key: secret()
    .optional()
    .describe('Key of the hmac functions; at least 32 bytes for hmac-sha256, 64 for hmac-sha512.'),
  summary: z
    .enum(['debug', 'info', 'silent', ''])
    .default('')
    .describe('Attributes that say what was done: debug names keys, info counts, silent is none.'),
  url_sanitizer: section({ ...sanitizer, sanitize_span_name: sanitizesNames() }).describe(
    'Variable parts of URLs; not supported.',
  ),
  db_sanitizer: section({
    sql: database('SQL databases'),
    redis: database('Redis'),
    valkey: database('Valkey'),
    memcached: database('Memcached'),
    mongo: database('MongoDB'),
    opensearch: database('OpenSearch'),
    es: database('Elasticsearch'),
    sanitize_span_name: sanitizesNames(),
  }).describe('Literals in database queries; not supported.'),
})

export type RedactionConfig = z.output<typeof schema>

export const config: ConfigSpec<RedactionConfig> = { schema, check }

function readHashFunction(text: string): HashFunction | Wrong {
  const found = HASH_FUNCTIONS.find(name => name === text.toLowerCase())
  return found ?? wrong('is not a hash function', 'sha1, sha3, md5, hmac-sha256 or hmac-sha512')
}

function check(config: RedactionConfig): ConfigProblem[] {
  return [...checkPatterns(config), ...checkHmacKey(config), ...checkSanitizers(config)]
}

function checkPatterns(config: RedactionConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  for (const key of PATTERN_KEYS) {
    for (const [i, pattern] of config[key].entries()) {
      try {
        compileRegex(pattern)
      } catch (error) {
        problems.push({ path: [key, i], message: (error as Error).message })
      }
    }
  }
  return problems
}

function checkHmacKey({ hash_function: name, hmac_key: key }: RedactionConfig): ConfigProblem[] {
  const least = MIN_HMAC_KEY[name]
  if (least === undefined) return []
  const length = Buffer.byteLength(key?.reveal() ?? '')
  if (length >= least) return []
  const message = length === 0 ? `is missing for ${name}` : `has ${length} bytes`
  return [{ path: ['hmac_key'], message, expected: `at least ${least} bytes` }]
}

/** Upstream asks a trained model of English words, and one obfuscator for each query language. */
function checkSanitizers({ url_sanitizer: url, db_sanitizer: db }: RedactionConfig) {
  const problems: ConfigProblem[] = []
  const refuse = (path: readonly string[], what: string): void => {
    const expected = 'false; blocked_values, or replace_pattern in a transform processor'
    problems.push({ path, message: `sanitizing of ${what} is not supported`, expected })
  }
  if (url.enabled) refuse(['url_sanitizer', 'enabled'], 'URLs')
  for (const name of DATABASES) {
    if (db[name].enabled) refuse(['db_sanitizer', name, 'enabled'], `${name} queries`)
  }
  return problems
}
