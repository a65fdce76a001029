/** Maps a destination's final "no" to what the sender of the data is told when it waits for the result. */
import type { RefusalCode } from '../../core/outcome.ts'

const CODES: Readonly<Record<string, RefusalCode>> = {
  bad_data: 'bad_data',
  invalid_ids: 'bad_data',
  too_large: 'too_large',
  item_too_large: 'too_large',
  unauthenticated: 'unauthenticated',
  permission_denied: 'permission_denied',
  unimplemented: 'unimplemented',
}

export function refusalOf(reason: string): RefusalCode {
  return CODES[reason] ?? 'rejected'
}
