// What a run leaves behind for the caller: the fault, and the rows of each level with their counts. One block of memory, so
// that the loader reads it through a view instead of calling in once a number.
//
//   word  0..4  rows found in each level      5  offset of the fault
//   word  8..12 where the rows of each level begin     16..20  how many fit there
import { MAX_ROWS } from './tables.generated'

// Fault codes, in the order of FAULTS in ../kernel.ts.
export const TRUNCATED: i32 = 1
export const VARINT_OVERRUN: i32 = 2
export const FIELD_ZERO: i32 = 3
export const WIRE_TYPE: i32 = 4
export const GROUP: i32 = 5
export const DEPTH: i32 = 6
export const UTF8: i32 = 7
export const TOO_MANY_ITEMS: i32 = 8
/** Not a fault of the request: valid, but more rows than there is room; the counts say how many. */
export const NO_ROOM: i32 = -1

const LEVELS: i32 = 5
const BLOCK = memory.data(96)
const FAULT_OFFSET: usize = 20
const ROWS_AT: usize = 32
const ROWS_ROOM: usize = 64

let fault: i32 = 0
let base: usize = 0

export function stateBlock(): usize {
  return BLOCK
}

export function setRows(level: i32, at: usize, room: i32): void {
  store<u32>(BLOCK + (level << 2), <u32>at, ROWS_AT)
  store<i32>(BLOCK + (level << 2), room, ROWS_ROOM)
}

/** Where the rows of a level begin. */
export function rowsOf(level: i32): usize {
  return <usize>load<u32>(BLOCK + (level << 2), ROWS_AT)
}

export function begin(at: usize): void {
  fault = 0
  base = at
  memory.fill(BLOCK, 0, LEVELS << 2)
}

export function outcome(): i32 {
  return fault
}

/** Notes the fault and returns the position that means "stop": no field ends at 0. */
export function fail(code: i32, at: usize): usize {
  fault = code
  store<i32>(BLOCK, <i32>(at - base), FAULT_OFFSET)
  return 0
}

/** Counts rows that do not fit without storing them, so that the next run can be given room for all. */
export function addRow(level: i32, tag: usize, start: usize, stop: usize): bool {
  const slot = BLOCK + (level << 2)
  const count = load<i32>(slot)
  if (count < load<i32>(slot, ROWS_ROOM)) {
    const at = <usize>load<u32>(slot, ROWS_AT) + (<usize>count << 4)
    store<i32>(at, <i32>(tag - base))
    store<i32>(at, <i32>(start - base), 4)
    store<i32>(at, <i32>(stop - base), 8)
    store<i32>(at, level == 0 ? 0 : load<i32>(slot - 4) - 1, 12)
  } else {
    if (count >= MAX_ROWS) {
      fail(TOO_MANY_ITEMS, tag)
      return false
    }
    fault = NO_ROOM
  }
  store<i32>(slot, count + 1)
  return true
}
