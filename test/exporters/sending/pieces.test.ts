/** A batch that becomes several requests: cuts at the limit, what is repeated after a failure, and what counts as lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Batch, NO_CONTEXT } from '../../../src/core/batch.ts'
import { type Message, PieceSender } from '../../../src/exporters/sending/pieces.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import type { Encoded } from '../../../src/otlp/encode.ts'

const SENT: SendResult = { kind: 'sent' }
const RETRY: SendResult = { kind: 'retry', message: 'not now' }
const TOO_LARGE: SendResult = { kind: 'drop', reason: 'too_large', message: 'over the limit' }

const batch = (): Batch => new Batch('traces', 'default', NO_CONTEXT, [])
const translation = (messages: readonly Message[], refused = 0) => ({
  messages,
  refused,
  refusal: { kind: 'drop', reason: 'invalid_ids', message: 'no ids' } as const,
})

/** Each item is as many bytes as its size says, all with the same letter; two bytes stand around them. */
function message(letter: string, sizes: readonly number[]): Message {
  const size = (from: number, to: number): number =>
    sizes.slice(from, to).reduce((sum, each) => sum + each, 2)
  return {
    items: sizes.length,
    size,
    encode: (from, to) => ({
      chunks: [Buffer.from(`(${letter.repeat(size(from, to) - 2)})`)],
      byteLength: size(from, to),
    }),
  }
}

/** Answers each request as the test says and notes its text. */
function destination(answer: (text: string, n: number) => SendResult) {
  const texts: string[] = []
  const post = async (request: { chunks: readonly Uint8Array[] }): Promise<SendResult> => {
    const text = Buffer.concat(request.chunks).toString()
    const n = texts.push(text)
    await Promise.resolve()
    return answer(text, n)
  }
  return { texts, post }
}

test('sends each message by itself', async () => {
  const { texts, post } = destination(() => SENT)
  const messages = [message('a', [1, 1]), message('b', [3])]

  const result = await new PieceSender(0).send(batch(), translation(messages), post)

  assert.equal(result.kind, 'sent')
  assert.deepEqual(texts.sort(), ['(aa)', '(bbb)'])
})

test('never sends more bytes than the limit, and every item once', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 5 }), async lists => {
      const { texts, post } = destination(() => SENT)
      const messages = lists.map((list, i) => message('abcde'[i], list))

      const result = await new PieceSender(42).send(batch(), translation(messages), post)

      assert.equal(result.kind, 'sent')
      assert.ok(texts.every(text => text.length <= 42))
      const bytes = texts.reduce((sum, text) => sum + text.length - 2, 0)
      assert.equal(
        bytes,
        lists.flat().reduce((sum, each) => sum + each, 0),
      )
    }),
  )
})

test('sends nothing while an item is over the limit all alone', async () => {
  const { texts, post } = destination(() => SENT)
  const messages = [message('a', [1]), message('b', [1, 9, 1])]

  const result = await new PieceSender(8).send(batch(), translation(messages), post)

  assert.deepEqual(result, {
    kind: 'drop',
    reason: 'too_large',
    message: 'an item is larger than 8 bytes',
  })
  assert.deepEqual(texts, [])
})

test('repeats only what was not delivered', async () => {
  const { texts, post } = destination(text => (text === '(b)' ? RETRY : SENT))
  const sender = new PieceSender(0)
  const one = batch()
  const messages = [message('a', [1]), message('b', [1]), message('c', [1])]

  const first = await sender.send(one, translation(messages), post)
  const delivered = texts.splice(0).filter(text => text !== '(b)')
  const second = await sender.send(one, translation(messages), async request => {
    texts.push(Buffer.concat(request.chunks as Uint8Array[]).toString())
    return SENT
  })

  assert.equal(first.kind, 'retry')
  assert.deepEqual(delivered.sort(), ['(a)', '(c)'])
  assert.equal(second.kind, 'sent')
  assert.deepEqual(texts, ['(b)'])
})

test('passes on the longest wait that the destination asked for', async () => {
  let n = 0
  const waits = [10, 500, 20]
  const result = await new PieceSender(0).send(
    batch(),
    translation([message('a', [1]), message('b', [1]), message('c', [1])]),
    async () => ({ kind: 'retry', afterMs: waits[n++], message: 'later' }),
  )

  assert.deepEqual(result, { kind: 'retry', afterMs: 500, message: 'later' })
})

test('halves what the destination finds too large, and asks for less from then on', async () => {
  const { texts, post } = destination(text => (text.length > 150_000 ? TOO_LARGE : SENT))
  const sender = new PieceSender(0)
  const big = message(
    'a',
    Array.from({ length: 10 }, () => 20_000),
  )

  const first = await sender.send(batch(), translation([big]), post)
  const vain = texts.splice(0).filter(text => text.length > 150_000).length
  const second = await sender.send(batch(), translation([big]), post)

  assert.equal(first.kind, 'sent')
  assert.equal(vain, 1)
  assert.equal(second.kind, 'sent')
  assert.ok(texts.every(text => text.length <= 150_002))
  assert.equal(texts.join('').replace(/[()]/g, '').length, 200_000)
})

test('counts what was refused while other requests of the batch were taken', async () => {
  const refusal: SendResult = { kind: 'drop', reason: 'bad_data', message: 'HTTP 400' }
  const { post } = destination(text => (text.startsWith('(b') ? refusal : SENT))
  const messages = [message('a', [1]), message('b', [1, 1, 1])]

  const result = await new PieceSender(0).send(batch(), translation(messages, 2), post)

  assert.deepEqual(result, {
    ...{ kind: 'sent', rejected: 5, message: 'HTTP 400' },
    refused: [
      { reason: 'invalid_ids', message: 'no ids', items: 2, parts: null },
      { reason: 'bad_data', message: 'HTTP 400', items: 3, parts: null },
    ],
  })
})

test('looks for the bad item of a request while others of the batch are taken', async () => {
  const refusal: SendResult = { kind: 'drop', reason: 'bad_data', message: 'HTTP 400' }
  const asked: string[] = []
  const ranges: Message = {
    items: 500,
    size: (from, to) => to - from,
    encode: (from, to) => ({ chunks: [Buffer.from(`${from} ${to}`)], byteLength: 1 }),
  }

  const result = await new PieceSender(0).send(
    batch(),
    translation([message('a', [1]), ranges]),
    async request => {
      const text = Buffer.concat(request.chunks).toString()
      asked.push(text)
      const [from, to] = text.split(' ').map(Number)
      return from <= 321 && 321 < to ? refusal : SENT
    },
  )

  assert.equal(result.kind === 'sent' && result.rejected, 1)
  assert.ok(asked.length <= 22, `${asked.length} requests`)
})

test('asks for no more than so many halves where every item is refused', async () => {
  const refusal: SendResult = { kind: 'drop', reason: 'bad_data', message: 'HTTP 400' }
  const { texts, post } = destination(text => (text.includes('b') ? refusal : SENT))
  const messages = [
    message('a', [1]),
    message(
      'b',
      Array.from({ length: 5000 }, () => 1),
    ),
  ]

  const result = await new PieceSender(0).send(batch(), translation(messages), post)

  assert.equal(result.kind === 'sent' && result.rejected, 5000)
  assert.ok(texts.length <= 16, `${texts.length} requests`)
})

test('gives a refusal back as it is when nothing was delivered', async () => {
  const refusal: SendResult = { kind: 'drop', reason: 'bad_data', message: 'HTTP 400' }
  const { post } = destination(() => refusal)

  const result = await new PieceSender(0).send(
    batch(),
    translation([message('a', [1]), message('b', [1])]),
    post,
  )

  assert.deepEqual(result, refusal)
})

test('asks no further when it is the sender whom the destination does not want', async () => {
  const denied: SendResult = { kind: 'drop', reason: 'unauthenticated', message: 'who are you' }
  const { texts, post } = destination(() => denied)
  const messages = Array.from({ length: 50 }, () => message('a', [1]))

  const result = await new PieceSender(0).send(batch(), translation(messages), post)

  assert.deepEqual(result, denied)
  assert.ok(texts.length <= 8)
})

test('drops a batch of which the protocol can carry nothing', async () => {
  const { texts, post } = destination(() => SENT)

  const result = await new PieceSender(0).send(batch(), translation([], 3), post)

  assert.deepEqual(result, { kind: 'drop', reason: 'invalid_ids', message: 'no ids' })
  assert.deepEqual(texts, [])
})

test('what is taken after nobody waits for the answer any more is not sent again', async () => {
  let settle: (result: SendResult) => void = () => {}
  const answered = new Promise<SendResult>(resolve => (settle = resolve))
  const sender = new PieceSender(0)
  const one = batch()
  const messages = [message('a', [1]), message('b', [1, 1])]
  const late = sender.send(one, translation(messages), () => answered)
  settle(SENT)
  await late
  const { texts, post } = destination(() => SENT)

  const progress = sender.progress(one)
  const again = await sender.send(one, translation(messages), post)

  assert.equal(progress?.delivered, 3)
  assert.deepEqual(again, { kind: 'sent', rejected: 0, message: '' })
  assert.deepEqual(texts, [])
})

test('what was never asked about is lost for what ended the asking, not for what one item was refused for', async () => {
  const bad: SendResult = { kind: 'drop', reason: 'bad_data', message: 'HTTP 400' }
  const denied: SendResult = { kind: 'drop', reason: 'unauthenticated', message: 'who are you' }
  for (const isDelivered of [true, false]) {
    const { texts, post } = destination((_, n) =>
      n === 1 ? bad : n === 2 && isDelivered ? SENT : denied,
    )
    const messages = Array.from({ length: 20 }, () => message('a', [1]))

    const result = await new PieceSender(0).send(batch(), translation(messages), post)

    assert.ok(texts.length <= 10)
    if (isDelivered && result.kind === 'sent') {
      const reasons = result.refused?.map(({ reason, items }) => [reason, items])
      assert.deepEqual(reasons, [
        ['bad_data', 1],
        ['unauthenticated', 18],
      ])
    } else assert.deepEqual(result, denied)
  }
})

test('an item that cannot be laid out, or whose request throws, is lost alone, and the others of its batch are not sent twice', async () => {
  const { texts, post } = destination(() => SENT)
  const fault: Message = {
    items: 1,
    size: () => 1,
    encode: () => {
      throw new Error('no such field')
    },
  }

  const thrown = [message('a', [1]), message('c', [1]), message('b', [1])]
  const posting = async (request: Encoded): Promise<SendResult> => {
    if (Buffer.concat(request.chunks).toString() === '(c)') throw new Error('no such field')
    return post(request)
  }

  for (const messages of [[message('a', [1]), fault, message('b', [1])], thrown]) {
    const result = await new PieceSender(0).send(batch(), translation(messages), posting)

    assert.deepEqual(texts.splice(0).sort(), ['(a)', '(b)'])
    assert.deepEqual(result, {
      ...{ kind: 'sent', rejected: 1, message: 'no such field' },
      refused: [{ reason: 'internal_error', message: 'no such field', items: 1, parts: null }],
    })
  }
})

test('a destination that rejects more than it was sent does not make the count of what it took negative', async () => {
  const { post } = destination((_, n) => (n === 1 ? { kind: 'sent', rejected: 9 } : RETRY))
  const sender = new PieceSender(0)
  const one = batch()

  await sender.send(one, translation([message('a', [1]), message('b', [1])]), post)

  const progress = sender.progress(one)
  assert.equal(progress?.delivered, 0)
  assert.equal(progress?.refused[0].items, 1)
})
