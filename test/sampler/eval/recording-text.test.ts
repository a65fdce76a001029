import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readRecording, SPAN_DURATION, SPAN_FIELDS } from '../../../src/sampler/eval/recording.ts'
import { parseFaults, parseLabels, parseTrace } from '../../../src/sampler/eval/recording-text.ts'
import { writeRecording } from './made-recording.ts'

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'recording-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeRecording(directory, 20)
  return directory
}

const trace = (change: object) =>
  JSON.stringify({ id: 'aa', t0: 1, h: 'x', s: [0, 0, -1, 0, 9], ...change })

test('a line that is not a trace is refused with its number', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{"id":', /line 7: not a JSON object/],
    ['null', /line 7: not a JSON object/],
    [trace({ id: 5 }), /"id"/],
    [trace({ t0: undefined }), /"t0"/],
    [trace({ t0: 'soon' }), /"t0"/],
    [trace({ h: undefined }), /"h"/],
    [trace({ s: undefined }), /"s"/],
    [trace({ s: [] }), /"s"/],
    [trace({ s: [0, 0, -1, 0] }), /"s"/],
    [trace({ s: [0.5, 0, -1, 0, 9] }), /span 0 holds 0\.5/],
    [trace({ s: [0, 0, -1, null, 9] }), /span 0 holds null/],
    [trace({ s: [3, 0, -1, 0, 9] }), /span 0 points outside/],
    [trace({ s: [0, 0, 1, 0, 9] }), /span 0 points outside/],
  ]
  for (const [line, message] of cases) assert.throws(() => parseTrace(line, 7, 3), message)
})

test('a span of an hour counts as long as 32 bits of microseconds can', async t => {
  const directory = folder(t)
  writeFileSync(
    join(directory, 'traces.jsonl.gz'),
    gzipSync(`${trace({ s: [0, 0, -1, 0, 3_600_000_000] })}\n`.repeat(20)),
  )

  const { spans } = await readRecording(directory)

  assert.equal(spans.length, 20 * SPAN_FIELDS)
  assert.equal(spans[SPAN_DURATION], 2 ** 31 - 1)
})

test('labels are read by the names of their columns, with whatever ends the lines', () => {
  const { label, fault } = parseLabels('\ufeffwhy,fault_idx,label\r\nS,4,1\r\n,,0\r\n,-1,2\r\n')

  assert.deepEqual([...label], [1, 0, 2])
  assert.deepEqual([...fault], [4, -1, -1])
})

test('labels that are none are refused with their line', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['0,-1,\n0,-1,\n', /no label and fault_idx/],
    ['label,fault_idx,why\n0,-1,\n7,-1,\n', /line 3: "7" is not a label/],
    ['label,fault_idx,why\n,,\n', /line 2: "" is not a label/],
    ['label,fault_idx,why\n1,first,\n', /line 2: "first" is not the index/],
    ['label,fault_idx,why\n1,40000,\n', /line 2: "40000" is not the index/],
  ]
  for (const [text, message] of cases) assert.throws(() => parseLabels(text), message)
})

test('faults that are not described are incidents all the same', () => {
  const faults = parseFaults('[{"type":"cpu"},null]', 3)

  assert.deepEqual(
    faults.map(({ kind, target }) => `${kind} ${target}`),
    ['cpu unknown', 'unknown unknown', 'unknown unknown'],
  )
  assert.throws(() => parseFaults('{"faults":[]}', 0), /not a list/)
})

test('a folder without one of the files, or without traces, is refused by code', async t => {
  const [none, empty] = [folder(t), folder(t)]
  unlinkSync(join(none, 'traces.jsonl.gz'))
  writeFileSync(join(empty, 'labels.csv.gz'), gzipSync('label,fault_idx,why\n'))

  const broken = folder(t)
  writeFileSync(join(broken, 'traces.jsonl.gz'), gzipSync(`${trace({})}\n\n${trace({ s: [] })}\n`))

  await assert.rejects(readRecording(broken), /traces\.jsonl\.gz, line 3: "s"/)
  await assert.rejects(readRecording(none), { code: 'MILLRACE_SAMPLER_RECORDING' })
  await assert.rejects(readRecording(empty), /there are no traces/)
})

test('a file that cannot be read is named', async t => {
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['dict.json', Buffer.from('{"ops":'), /dict\.json is not JSON/],
    ['faults.json', Buffer.from('[,]'), /faults\.json is not JSON/],
    ['labels.csv.gz', Buffer.from('label,fault_idx'), /labels\.csv\.gz: incorrect header check/],
    ['traces.jsonl.gz', Buffer.from('{"id":"aa"}'), /traces\.jsonl\.gz: incorrect header check/],
    ['traces.jsonl.gz', gzipSync('{}\n').subarray(0, 12), /traces\.jsonl\.gz: unexpected end/],
  ]
  for (const [name, bytes, message] of cases) {
    const directory = folder(t)
    writeFileSync(join(directory, name), bytes)

    await assert.rejects(readRecording(directory), message)
  }
})

test('a line without an end is not gathered for ever', async t => {
  const directory = folder(t)
  writeFileSync(join(directory, 'traces.jsonl.gz'), gzipSync(Buffer.alloc(70 << 20, 0x20)))

  await assert.rejects(readRecording(directory), /traces\.jsonl\.gz, line 1: longer than 64 MiB/)
})
