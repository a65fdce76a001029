/** English names of months and days, as Go's layouts read and write them. */

export const MONTHS: readonly string[] = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
export const SHORT_MONTHS: readonly string[] = MONTHS.map(name => name.slice(0, 3))

export const DAYS: readonly string[] = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
]
export const SHORT_DAYS: readonly string[] = DAYS.map(name => name.slice(0, 3))
