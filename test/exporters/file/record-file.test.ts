/** The growing file under the `file` exporter: whole records, rotation, and files that vanish. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RecordFile, type RecordFileOptions } from '../../../src/exporters/file/record-file.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'

async function openFile(
  t: TestContext,
  options: Partial<RecordFileOptions> & { dir?: string } = {},
) {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'millrace-file-')))
  const clock = new FakeClock()
  const path = join(dir, 'out.json')
  const file = new RecordFile({
    path,
    append: false,
    rotation: null,
    directoryMode: null,
    lines: true,
    clock,
    ...options,
  })
  await file.open()
  t.after(async () => {
    await file.close()
    await rm(dir, { recursive: true, force: true })
  })
  const write = (text: string) => file.write([Buffer.from(text)], text.length)
  return { dir, path, file, clock, write }
}

const ROTATION = { maxBytes: 10, maxDays: 0, maxBackups: 2, localTime: false }

test('writes all chunks of a record in their order', async t => {
  const { file, path } = await openFile(t)
  const chunks = Array.from({ length: 1500 }, (_, i) => Buffer.from(`${i},`))

  await file.write(
    chunks,
    chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  )

  assert.equal(await readFile(path, 'utf8'), chunks.join(''))
})

test('empties an existing file unless told to append', async t => {
  const { dir, path, write } = await openFile(t)
  await write('old\n')

  await openFile(t, { dir })
  assert.equal(await readFile(path, 'utf8'), '')
})

test('adds to an existing file when told to append', async t => {
  const { dir, path, write } = await openFile(t)
  await write('old\n')

  const again = await openFile(t, { dir, append: true })
  await again.write('new\n')

  assert.equal(await readFile(path, 'utf8'), 'old\nnew\n')
})

test('ends the line that a crash left unfinished before it appends', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-file-'))
  await writeFile(join(dir, 'out.json'), '{"half":')

  const { write, path } = await openFile(t, { dir, append: true })
  await write('{}\n')

  assert.equal(await readFile(path, 'utf8'), '{"half":\n{}\n')
})

test('renames a full file with the time in its name and begins a new one', async t => {
  const { dir, path, write } = await openFile(t, { rotation: ROTATION })

  await write('12345678\n')
  await write('abcdefgh\n')

  assert.equal(await readFile(path, 'utf8'), 'abcdefgh\n')
  const [backup] = (await readdir(dir)).filter(name => name !== 'out.json')
  assert.equal(backup, 'out-2023-11-14T22-13-20.000.json')
  assert.equal(await readFile(join(dir, backup), 'utf8'), '12345678\n')
})

test('keeps only so many older files, the newest ones', async t => {
  const { dir, clock, write } = await openFile(t, { rotation: ROTATION })

  for (let i = 0; i < 6; i++) {
    await clock.advance(1000)
    await write(`record ${i}\n`)
  }

  const backups = (await readdir(dir)).filter(name => name !== 'out.json').sort()
  const kept = await Promise.all(backups.map(name => readFile(join(dir, name), 'utf8')))
  assert.deepEqual(kept, ['record 3\n', 'record 4\n'])
})

test('removes older files that are past their days and leaves strange ones alone', async t => {
  const { dir, clock, write } = await openFile(t, {
    rotation: { ...ROTATION, maxBackups: 0, maxDays: 1 },
  })
  await writeFile(join(dir, 'out-notes.json'), 'mine')
  await write('day one\n')
  await write('day one.\n')

  await clock.advance(3 * 86_400_000)
  await write('day four\n')

  const names = (await readdir(dir)).sort()
  assert.deepEqual(names, ['out-2023-11-17T22-13-20.000.json', 'out-notes.json', 'out.json'])
})

test('does not rotate away an empty file for a record that is larger than any file may be', async t => {
  const { dir, write } = await openFile(t, { rotation: ROTATION })

  await write('much longer than ten bytes\n')

  assert.deepEqual(await readdir(dir), ['out.json'])
})

test('gives two files that are full in the same millisecond different names', async t => {
  const { dir, write } = await openFile(t, { rotation: ROTATION })

  for (const text of ['11111111\n', '22222222\n', '33333333\n']) await write(text)

  assert.equal((await readdir(dir)).length, 3)
})

test('begins anew when the file was moved away', async t => {
  const { dir, path, write } = await openFile(t)
  await write('before\n')

  await rename(path, join(dir, 'moved.json'))
  await write('after\n')

  assert.equal(await readFile(join(dir, 'moved.json'), 'utf8'), 'before\n')
  assert.equal(await readFile(path, 'utf8'), 'after\n')
})

test('begins anew when the file was deleted', async t => {
  const { path, write } = await openFile(t)
  await write('before\n')

  await rm(path)
  await write('after\n')

  assert.equal(await readFile(path, 'utf8'), 'after\n')
})

test('takes back a record that was written in part', async t => {
  const { file, path, write } = await openFile(t)
  await write('whole\n')
  // Bytes that cannot be written fail after the first chunk is in the file.
  const chunks = [Buffer.from('part'), ...new Array(600).fill(Buffer.from('x')), 7 as never]

  await assert.rejects(file.write(chunks, 605))
  await write('next\n')

  assert.equal(await readFile(path, 'utf8'), 'whole\nnext\n')
})

test('creates the directory when told to', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-file-'))
  const { path, write } = await openFile(t, { dir: join(dir, 'a', 'b'), directoryMode: 0o755 })

  await write('x\n')

  assert.equal(await readFile(path, 'utf8'), 'x\n')
})
