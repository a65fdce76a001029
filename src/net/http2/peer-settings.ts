/** What the other side's SETTINGS say (RFC 9113 §6.5.2). Those that do not matter to us are checked and left. */
import {
  H2,
  MAX_MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  MIN_MAX_FRAME_BYTES,
  SETTING,
} from './protocol.ts'

export interface PeerSettings {
  initialWindowBytes: number
  maxFrameBytes: number
  maxStreams: number
  /** The smallest that its table for our header blocks has been set to. */
  tableBytes: number
}

/** More than this in one frame is no greeting. */
const MAX_SETTINGS = 64

/** Returns the error that ends the connection, or 0. */
export function readPeerSettings(
  settings: PeerSettings,
  bytes: Buffer,
  from: number,
  to: number,
): number {
  const length = to - from
  if (length % 6 !== 0) return H2.FRAME_SIZE_ERROR
  if (length > MAX_SETTINGS * 6) return H2.ENHANCE_YOUR_CALM
  for (let at = from; at < to; at += 6) {
    const error = readSetting(settings, bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2))
    if (error !== 0) return error
  }
  return 0
}

function readSetting(settings: PeerSettings, setting: number, value: number): number {
  switch (setting) {
    case SETTING.enablePush:
      return value > 1 ? H2.PROTOCOL_ERROR : 0
    case SETTING.maxConcurrentStreams:
      settings.maxStreams = value
      return 0
    case SETTING.headerTableSize:
      settings.tableBytes = Math.min(value, settings.tableBytes)
      return 0
    case SETTING.initialWindowSize:
      if (value > MAX_WINDOW_BYTES) return H2.FLOW_CONTROL_ERROR
      settings.initialWindowBytes = value
      return 0
    case SETTING.maxFrameSize:
      if (value < MIN_MAX_FRAME_BYTES || value > MAX_MAX_FRAME_BYTES) return H2.PROTOCOL_ERROR
      settings.maxFrameBytes = value
      return 0
    default:
      return 0
  }
}
