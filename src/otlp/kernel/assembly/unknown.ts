// Fields that the schema does not know: skipped and kept, groups too when they are balanced.
import { DEPTH, fail, FIELD_ZERO, GROUP, TRUNCATED, VARINT_OVERRUN, WIRE_TYPE } from './state'
import { MAX_DEPTH } from './tables.generated'
import { skipFixed, skipVarint, varintValue } from './varint'

export function skipUnknown(
  field: u32,
  wireType: u32,
  tagAt: usize,
  at: usize,
  end: usize,
  depth: i32,
): usize {
  if (wireType == 0) return skipVarint(at, end)
  if (wireType == 1) return skipFixed(8, tagAt, at, end)
  if (wireType == 5) return skipFixed(4, tagAt, at, end)
  if (wireType == 2) {
    const p = skipVarint(at, end)
    if (!p) return 0
    const length = varintValue(at, p)
    return <usize>length > end - p ? fail(TRUNCATED, tagAt) : p + <usize>length
  }
  if (wireType == 3) return skipGroup(field, tagAt, at, end, depth)
  return fail(wireType == 4 ? GROUP : WIRE_TYPE, tagAt)
}

/** Position behind the matching end tag. */
function skipGroup(group: u32, groupAt: usize, at: usize, end: usize, depth: i32): usize {
  if (depth == MAX_DEPTH) return fail(DEPTH, groupAt)
  let p = at
  while (p < end) {
    const tagAt = p
    p = skipVarint(p, end)
    if (!p) return 0
    const tag = varintValue(tagAt, p)
    if (tag == u32.MAX_VALUE) return fail(VARINT_OVERRUN, tagAt)
    if (tag >> 3 == 0) return fail(FIELD_ZERO, tagAt)
    if ((tag & 7) == 4) return tag >> 3 == group ? p : fail(GROUP, tagAt)
    p = skipUnknown(tag >> 3, tag & 7, tagAt, p, end, depth + 1)
    if (!p) return 0
  }
  return fail(GROUP, groupAt)
}
