/** Changed rows as splices: an item's whole content, of a group only the fields that were touched, each in its place. */
import { END, PARENT, ROW, START } from '../../otlp/request-index.ts'
import { DATA_LEVEL } from '../../otlp/request-shape.ts'
import type { Selection } from '../../otlp/selection.ts'
import type { Edits } from '../../otlp/splice.ts'
import { FieldCursor } from '../../otlp/wire-reader.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { ChangedRows, Workspace } from './workspace.ts'

const NO_BYTES = new Uint8Array(0)

export function layOutItems(space: Workspace, selection: Selection | null, edits: Edits): void {
  const last = space.levels.length - 1
  const rows = space.levels[last]
  const changed = space.changed[last]
  for (let i = 0; i < changed.rows.length; i++) {
    const row = changed.rows[i]
    if (changed.touched[i] === 0 || (selection !== null && !selection.has(row))) continue
    const { bytes, starts, ends } = changed
    edits.add(rows[row * ROW + START], rows[row * ROW + END], bytes[i], starts[i], ends[i])
  }
}

export function layOutGroups(
  space: Workspace,
  level: number,
  isIn: (row: number) => boolean,
  edits: Edits,
): void {
  const changed = space.changed[level]
  for (let i = 0; i < changed.rows.length; i++) {
    if (changed.touched[i] === 0 || !isIn(changed.rows[i])) continue
    for (let number = 1; number < 32; number++) {
      if ((changed.touched[i] & (1 << number)) === 0) continue
      putFields(space, level, changed.rows[i], number, fieldsOf(changed, i, number), edits)
    }
  }
}

/** Points for which there are no rows stand where the data begins. */
export function layOutExtraPoints(
  space: Workspace,
  isIn: (metric: number) => boolean,
  edits: Edits,
): void {
  for (const [row, fields] of space.extraPoints) {
    const rows = space.levels[DATA_LEVEL]
    if (!isIn(rows[row * ROW + PARENT])) continue
    edits.add(rows[row * ROW + START], rows[row * ROW + START], fields)
  }
}

/** All fields of a number as they are now, one after another. */
function fieldsOf(changed: ChangedRows, place: number, number: number): Uint8Array {
  const bytes = changed.bytes[place]
  const start = changed.starts[place]
  const end = changed.ends[place]
  const out = new Uint8Array(end - start)
  const field = new FieldCursor(bytes, start, end)
  let length = 0
  while (field.next()) {
    if (field.number === number) length = copyBytes(out, length, bytes, field.tag, field.end)
  }
  return out.subarray(0, length)
}

/** They stand where the first of them stood, or where the group begins; the sender's own ones go. */
function putFields(
  space: Workspace,
  level: number,
  row: number,
  number: number,
  fields: Uint8Array,
  edits: Edits,
): void {
  const rows = space.levels[level]
  const start = rows[row * ROW + START]
  const field = new FieldCursor(space.bytes, start, rows[row * ROW + END])
  let put = fields
  while (field.next()) {
    if (field.number !== number) continue
    edits.add(field.tag, field.end, put)
    put = NO_BYTES
  }
  if (put.length > 0) edits.add(start, start, put)
}
