/** Puts together the bytes of a group without its children, and finds a resource's service name in them. */

import { END, PARENT, ROW, START, TAG } from '../../otlp/request-index.ts'
import { lowerBound } from '../../otlp/request-shape.ts'
import { FieldCursor } from '../../otlp/wire-reader.ts'
import { sameBytes } from './hash.ts'

const RESOURCE = 1
const RESOURCE_ATTRIBUTES = 1
const KEY = 1
const VALUE = 2
const STRING_VALUE = 1
const SERVICE_NAME = Buffer.from('service.name')
const FIRST_ROOM = 4096

export class EnvelopeReader {
  /** The bytes of the last group read: `bytes` up to `length`. */
  bytes = new Uint8Array(FIRST_ROOM)
  length = 0
  /** Where `findService` found the name. */
  nameFrom = 0
  nameTo = 0
  readonly #resource = new FieldCursor()
  readonly #attribute = new FieldCursor()
  readonly #value = new FieldCursor()

  /** Reads a group: a row of `groups`; `children` are the rows of the level below. */
  read(request: Uint8Array, groups: Int32Array, group: number, children: Int32Array): void {
    const end = groups[group * ROW + END]
    let from = groups[group * ROW + START]
    this.length = 0
    let child = lowerBound(children, PARENT, group) * ROW
    for (; child < children.length && children[child + PARENT] === group; child += ROW) {
      const tag = children[child + TAG]
      if (tag > from) this.#append(request, from, tag)
      from = children[child + END]
    }
    if (end > from) this.#append(request, from, end)
  }

  /** The last resource's and its first service name count; without one the name is empty. */
  findService(): void {
    this.nameFrom = this.nameTo = 0
    const group = this.#value
    group.reset(this.bytes, 0, this.length)
    while (group.next()) {
      if (group.number === RESOURCE) this.#findInResource(group.start, group.end)
    }
  }

  #findInResource(from: number, to: number): void {
    this.#resource.reset(this.bytes, from, to)
    while (this.#resource.next()) {
      if (this.#resource.number !== RESOURCE_ATTRIBUTES) continue
      if (this.#readAttribute(this.#resource.start, this.#resource.end)) return
    }
  }

  #readAttribute(from: number, to: number): boolean {
    const field = this.#attribute
    let isName = false
    let start = 0
    let end = 0
    field.reset(this.bytes, from, to)
    while (field.next()) {
      if (field.number === KEY) {
        isName =
          field.end - field.start === SERVICE_NAME.length &&
          sameBytes(this.bytes, field.start, SERVICE_NAME, 0, SERVICE_NAME.length)
      } else if (field.number === VALUE) {
        start = field.start
        end = field.end
      }
    }
    if (!isName) return false
    field.reset(this.bytes, start, end)
    while (field.next()) {
      if (field.number !== STRING_VALUE) continue
      this.nameFrom = field.start
      this.nameTo = field.end
    }
    return true
  }

  #append(request: Uint8Array, from: number, to: number): void {
    const length = this.length + to - from
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(request.subarray(from, to), this.length)
    this.length = length
  }
}
