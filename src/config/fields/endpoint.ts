/** Addresses in configurations: where to listen, and where to send by gRPC or HTTP. Checked as upstream does; the text is kept. */
import type { z } from 'zod'
import { splitHostPort } from '../../util/host-port.ts'
import { textField, type Wrong, wrong } from './basic.ts'

const HOST_PORT = 'host:port, such as localhost:4317'

/** Where a server listens: "host:port" with a default; a path is allowed because `transport: unix` makes it one. */
export function listenEndpoint(defaultText: string): z.ZodType<string> {
  return textField(readListenEndpoint, { type: 'string' }).prefault(
    defaultText as never,
  ) as unknown as z.ZodType<string>
}

function readListenEndpoint(text: string): string | Wrong {
  if (text.startsWith('/') || text.startsWith('@') || text.startsWith('unix:')) return text
  const parts = splitHostPort(text)
  return typeof parts === 'string' ? wrong(`is not an address: ${parts}`, HOST_PORT) : text
}

/** "host:port" and nothing else; no default. */
export function hostPort(): z.ZodType<string> {
  return textField(
    text => {
      const parts = splitHostPort(text)
      return typeof parts === 'string' ? wrong(`is not an address: ${parts}`, HOST_PORT) : text
    },
    { type: 'string' },
  )
}

/**
 * Target of a gRPC client: "host:port", with "http://", "https://" or a resolver such as "dns:///" before it, or
 * "unix:///path". Judged as upstream judges it.
 */
export function grpcEndpoint(): z.ZodType<string> {
  return textField(text => checkGrpcEndpoint(text) ?? text, { type: 'string' })
}

function checkGrpcEndpoint(text: string): Wrong | undefined {
  if (text === '') return wrong('is empty', HOST_PORT)
  if (text.startsWith('unix:')) {
    return /^unix:\/\/./.test(text)
      ? undefined
      : wrong('names no socket file', 'unix:///path/to/socket')
  }
  const target = text.replace(/^https?:\/\//i, '').replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*\//, '')
  if (target === '') return wrong('names no host', HOST_PORT)
  const parts = splitHostPort(target)
  return typeof parts === 'string' ? wrong(`is not an address: ${parts}`, HOST_PORT) : undefined
}

/** A URL of an HTTP backend: scheme http or https and a host. Append `.optional()` where it may be absent. */
export function httpEndpoint(): z.ZodType<string> {
  return textField(text => checkHttpEndpoint(text) ?? text, { type: 'string' })
}

function checkHttpEndpoint(text: string): Wrong | undefined {
  const expected = 'a URL such as https://backend.example:4318'
  if (text === '') return wrong('is empty', expected)
  if (!/^https?:\/\//i.test(text)) return wrong('does not begin with http:// or https://', expected)
  if (!URL.canParse(text)) return wrong('is not a URL', expected)
  return undefined
}

/** Path part of a URL on which a signal is received. A missing leading slash is added, as upstream does. */
export function urlPath(defaultText: string): z.ZodType<string> {
  return textField(readUrlPath, { type: 'string' }).prefault(
    defaultText as never,
  ) as unknown as z.ZodType<string>
}

/** Go's url.Parse refuses a colon in the first segment and broken percent-escapes. */
function readUrlPath(text: string): string | Wrong {
  const expected = 'a URL path such as /v1/traces'
  if (text === '') return wrong('is empty', expected)
  if (/^[^/]*:/.test(text) || /%(?![0-9a-fA-F]{2})/.test(text) || hasControl(text)) {
    return wrong('is not a URL path', expected)
  }
  return text.startsWith('/') ? text : `/${text}`
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x20 || code === 0x7f) return true
  }
  return false
}
