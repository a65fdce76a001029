/** Tenants by the names in client certificates, which the TLS layer has verified already. */
import type { PeerCertificate } from 'node:tls'
import type { Clock } from '../../core/clock.ts'
import type { AuthOutcome } from '../../core/identity.ts'
import type { Signal } from '../../core/signal.ts'
import { denied, granted } from './answers.ts'
import type { CertificateRuleConfig } from './fields.ts'
import { compileSubjectPattern, type SubjectPattern } from './subject-pattern.ts'
import { isTenantId } from './tenant-id.ts'

/** Certificates whose answer is kept, by fingerprint. */
const MAX_KEPT = 10_000
const MAX_NAMES = 100

type Source = CertificateRuleConfig['from']

interface Rule {
  readonly from: Source
  readonly pattern: SubjectPattern
  readonly tenant: string | undefined
  readonly signals: readonly Signal[] | null
}

interface Kept {
  readonly answer: AuthOutcome
  readonly fromMs: number
  readonly untilMs: number
}

export class Certificates {
  readonly #rules: readonly Rule[]
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()

  constructor(rules: readonly CertificateRuleConfig[], clock: Clock) {
    this.#clock = clock
    this.#rules = rules.map(({ from, pattern, tenant, signals }) => ({
      from,
      pattern: compileSubjectPattern(pattern) as SubjectPattern,
      tenant,
      signals: signals ?? null,
    }))
  }

  check(certificate: PeerCertificate): AuthOutcome {
    const { fingerprint256 } = certificate
    let kept = this.#kept.get(fingerprint256)
    if (kept === undefined) {
      kept = {
        answer: this.#identify(certificate),
        fromMs: Date.parse(certificate.valid_from),
        untilMs: Date.parse(certificate.valid_to),
      }
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
      this.#kept.set(fingerprint256, kept)
    }
    // A connection may outlive the certificate that opened it.
    const nowMs = this.#clock.now()
    if (nowMs < kept.fromMs) return denied('not_yet_valid')
    return nowMs < kept.untilMs ? kept.answer : denied('expired')
  }

  #identify(certificate: PeerCertificate): AuthOutcome {
    for (const rule of this.#rules) {
      const tenants = new Map<string, string>()
      for (const name of namesIn(certificate, rule.from)) {
        const found = rule.pattern.match(name)
        if (found !== null) tenants.set(found === '' ? (rule.tenant ?? '') : found, name)
      }
      // Two names of one certificate that mean two tenants mean none.
      if (tenants.size > 1) return denied('no_tenant')
      for (const [tenant, subject] of tenants) {
        if (!isTenantId(tenant)) return denied('no_tenant')
        return granted({ tenant, method: 'certificate', subject, signals: rule.signals })
      }
    }
    return denied('no_tenant')
  }
}

function namesIn(certificate: PeerCertificate, from: Source): readonly string[] {
  if (from === 'subject_cn') return valuesOf(certificate.subject?.CN)
  if (from === 'subject_o') return valuesOf(certificate.subject?.O)
  if (from === 'subject_ou') return valuesOf(certificate.subject?.OU)
  const label = from === 'san_dns' ? 'DNS' : from === 'san_uri' ? 'URI' : 'email'
  return readAlternativeNames(certificate.subjectaltname ?? '', label)
}

/** A part of the subject that comes more than once is a list at run time. */
function valuesOf(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.slice(0, MAX_NAMES) : [value]
}

/** `DNS:a.example, URI:"quoted as JSON where it has commas or quotes"`, as Node writes it. */
export function readAlternativeNames(text: string, label: string): readonly string[] {
  const names: string[] = []
  const entry = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y
  for (let found = entry.exec(text); found !== null && names.length < MAX_NAMES; ) {
    const value = found[2].startsWith('"') ? unquote(found[2]) : found[2]
    if (found[1] === label && value !== null) names.push(value)
    if (entry.lastIndex >= text.length) return names
    found = entry.exec(text)
  }
  // What cannot be read to its end is not trusted in part either.
  return text === '' ? names : []
}

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string
  } catch {
    return null
  }
}
