/** A machine without a neighbour is told what it lacks; in CI that is a failure, elsewhere the tests are left out. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { CACHE, fetched, lacking, PeerError, run } from './peer-cache.ts'

const ABSENT = {
  peer: 'nowhere',
  path: join('nowhere', 'made'),
  needs: 'what nobody has',
  make: (target: string) => {
    writeFileSync(target, 'half of it')
    run('millrace-no-such-program', [])
  },
}

function withCi(t: TestContext, value: string): void {
  const before = process.env.CI
  process.env.CI = value
  t.after(() => {
    if (before === undefined) delete process.env.CI
    else process.env.CI = before
  })
}

test('says by a code what cannot be had and what it needs', () => {
  assert.throws(
    () => fetched(ABSENT),
    (error: PeerError) =>
      error instanceof PeerError &&
      error.code === 'PEER_NOWHERE_ABSENT' &&
      /it needs what nobody has.*millrace-no-such-program/.test(error.message),
  )
})

test('leaves nothing of a fetch that failed', () => {
  const before = readdirSync(CACHE)

  assert.throws(() => fetched(ABSENT))

  assert.ok(!existsSync(join(CACHE, ABSENT.path)))
  assert.deepEqual(
    readdirSync(CACHE).filter(name => !before.includes(name)),
    [],
  )
})

test('a test is skipped by these words, and runs in CI', t => {
  withCi(t, '')
  assert.match(String(lacking(() => fetched(ABSENT))), /^PEER_NOWHERE_ABSENT: /)

  withCi(t, 'true')
  assert.equal(
    lacking(() => fetched(ABSENT)),
    false,
  )
})

test('fetches once', t => {
  const path = join('nowhere', `once-${process.pid}`)
  t.after(() => run('rm', ['-rf', join(CACHE, 'nowhere')]))
  let made = 0
  const fetch = (): string =>
    fetched({ ...ABSENT, path, make: target => writeFileSync(target, String(++made)) })

  assert.equal(fetch(), fetch())

  assert.equal(readFileSync(fetch(), 'utf8'), '1')
})
