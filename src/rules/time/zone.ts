/** Time zones: offsets and abbreviations at an instant, and the instant of a wall clock's time. Seconds are Unix seconds. */
import { isZone, zoneNames } from './zone-names.ts'

/** Offsets change only at quarters of hours; between them the last answer holds. */
const STEP = 900
/** Zones are load-time arguments or names of the tz database, so honest ones are few. */
const MAX_KEPT = 64
const QUARTER = 91 * 86_400

interface Kept {
  step: number
  offset: number
}

const kept = new Map<string, Kept>()
const formats = new Map<string, Intl.DateTimeFormat>()

/** Seconds east of UTC. */
export function offsetAt(zone: string, seconds: number): number {
  if (zone === 'UTC') return 0
  const step = Math.floor(seconds / STEP)
  const before = kept.get(zone)
  if (before?.step === step) return before.offset
  const offset = zoneOffset(zone, inDateRange(seconds))
  if (before !== undefined) {
    before.step = step
    before.offset = offset
  } else {
    if (kept.size >= MAX_KEPT) kept.clear()
    kept.set(zone, { step, offset })
  }
  return offset
}

/** Dates of JavaScript end in the year 275760; zones beyond are as at the end. */
function inDateRange(seconds: number): number {
  return Math.max(-8.64e12, Math.min(seconds, 8.64e12))
}

/** The zone of the machine, where the reference means `Local`. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Throws Error for a name that the tz database does not have. */
export function loadZone(name: string): string {
  if (name === 'UTC' || name === '') return 'UTC'
  if (name === 'Local') return localZone()
  if (!isZone(name)) throw new Error(`failed to load location ${name}: unknown time zone ${name}`)
  return name
}

/** `CET`, `+03`; what is only an offset (`+01:00`) has none. */
export function abbreviationAt(zone: string, seconds: number): string {
  if (zone === 'UTC') return 'UTC'
  if (isFixed(zone)) return ''
  const offset = offsetAt(zone, seconds)
  const names = zoneNames(zone)
  if (names === undefined) return numericName(offset)
  return offset > standardOffset(zone, seconds) ? names.summer : names.standard
}

function isFixed(zone: string): boolean {
  return zone.startsWith('+') || zone.startsWith('-')
}

function numericName(offset: number): string {
  const minutes = Math.trunc(Math.abs(offset) / 60)
  const [hours, rest] = [Math.trunc(minutes / 60), minutes % 60]
  const text = `${offset < 0 ? '-' : '+'}${twoDigits(hours)}`
  return rest === 0 ? text : text + twoDigits(rest)
}

function standardOffset(zone: string, seconds: number): number {
  return Math.min(...seasons(seconds).map(season => offsetAt(zone, season)))
}

/** One of these is in standard time, one in summer time, where there are both. */
function seasons(seconds: number): number[] {
  return [0, QUARTER, 2 * QUARTER, 3 * QUARTER].map(later => seconds + later)
}

/** The offset that an abbreviation stands for in a zone, preferably at that wall clock's time; undefined when it has no such. */
export function offsetOfName(zone: string, name: string, wall: number): number | undefined {
  if (isFixed(zone)) return undefined
  const offsets = seasons(wall)
    .filter(season => abbreviationAt(zone, season) === name)
    .map(season => offsetAt(zone, season))
  return offsets.find(offset => abbreviationAt(zone, wall - offset) === name) ?? offsets[0]
}

/** When a wall clock of the zone shows it; in a gap or an overlap as Go's time.Date chooses. */
export function instantOf(zone: string, wall: number): number {
  const first = offsetAt(zone, wall)
  return wall - offsetAt(zone, wall - first)
}

/** `+01:00`, as a zone of Time; with seconds where there are. */
export function fixedZone(offset: number): string {
  if (offset === 0) return 'UTC'
  const total = Math.abs(offset)
  const parts = [Math.trunc(total / 3600), Math.trunc(total / 60) % 60]
  if (total % 60 !== 0) parts.push(total % 60)
  return (offset < 0 ? '-' : '+') + parts.map(twoDigits).join(':')
}

/** Asks Intl, which takes some microseconds. */
function zoneOffset(zone: string, seconds: number): number {
  const fixed = /^([+-])(\d\d):?(\d\d)(?::?(\d\d))?$/.exec(zone)
  if (fixed !== null) return secondsOf(fixed)
  let format = formats.get(zone)
  if (format === undefined) {
    if (formats.size >= MAX_KEPT) formats.clear()
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
  }
  const parts = format.formatToParts(new Date(seconds * 1000))
  const name = parts.find(part => part.type === 'timeZoneName')?.value ?? ''
  const found = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name)
  return found === null ? 0 : secondsOf(found)
}

function secondsOf([, sign, hours, minutes, seconds]: RegExpExecArray): number {
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)
  return sign === '-' ? -total : total
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
