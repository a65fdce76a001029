/** A small recording made up for tests: two kinds of traces, and a fault that slows one service for a while. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Random } from '../../../src/sampler/models/random.ts'

const OPERATIONS = ['shop|GET /', 'shop|call cart', 'cart|GetCart', 'shop|call pay', 'pay|Charge']
const FAULT_FROM = 0.6
const FAULT_TO = 0.65

export function writeRecording(directory: string, traces: number, secondsBetween = 0.2): void {
  mkdirSync(directory, { recursive: true })
  const random = new Random(11)
  const lines: string[] = []
  const labels = ['label,fault_idx,why']
  for (let i = 0; i < traces; i++) {
    const inFault = i >= FAULT_FROM * traces && i < FAULT_TO * traces
    const pays = random.next() < 0.3
    const slow = inFault && !pays
    const cart = Math.round((slow ? 200_000 : 20_000) * (0.5 + random.next()))
    const spans = [0, 0, -1, 0, cart + 5_000, 1, 0, 0, 1_000, cart + 1_000, 2, 1, 1, 1_500, cart]
    if (pays) spans.push(3, 0, 0, cart + 2_500, 2_000, 4, 2, 3, cart + 2_600, 1_500)
    const id = i.toString(16).padStart(32, 'a')
    const t0 = 1.7e15 + Math.round(i * secondsBetween * 1e6)
    lines.push(JSON.stringify({ id, t0, h: pays ? 'pays' : 'looks', mit: 1, s: spans }))
    labels.push(slow ? '1,0,S' : inFault ? '2,-1,' : '0,-1,')
  }
  writeFileSync(join(directory, 'traces.jsonl.gz'), gzipSync(`${lines.join('\n')}\n`))
  writeFileSync(join(directory, 'labels.csv.gz'), gzipSync(`${labels.join('\n')}\n`))
  writeFileSync(
    join(directory, 'dict.json'),
    JSON.stringify({ ops: OPERATIONS, pods: ['a', 'b', 'c'] }),
  )
  writeFileSync(join(directory, 'faults.json'), JSON.stringify([{ type: 'cpu', pod: 'cart-1' }]))
}
