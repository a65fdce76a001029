/** The texts of `normal` and `detailed`, compared with the files under `golden/`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SIGNALS } from '../../../src/core/signal.ts'
import { detailedText } from '../../../src/exporters/debug/detailed-text.ts'
import { decodeRequest } from '../../../src/exporters/debug/messages.ts'
import { normalText } from '../../../src/exporters/debug/normal-text.ts'
import { assertGolden } from '../../golden/assert-golden.ts'
import { SAMPLES } from './sample-requests.ts'

for (const signal of SIGNALS) {
  test(`prints one line per item of ${signal} at verbosity normal`, async () => {
    const text = normalText(signal, decodeRequest(signal, SAMPLES[signal]))
    await assertGolden(`debug/${signal}-normal.txt`, text)
  })

  test(`prints every field of ${signal} at verbosity detailed`, async () => {
    const text = detailedText(signal, decodeRequest(signal, SAMPLES[signal]))
    await assertGolden(`debug/${signal}-detailed.txt`, text)
  })

  test(`prints nothing for an empty request of ${signal}`, () => {
    const request = decodeRequest(signal, new Uint8Array())
    assert.equal(normalText(signal, request), '')
    assert.equal(detailedText(signal, request), '')
  })
}
