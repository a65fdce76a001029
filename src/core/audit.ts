/** Where changes of keys and configuration are written down, for whoever makes such changes. */

export interface AuditEvent {
  /** What was done, dotted: `key.create`, `key.revoke`, `tenants.reload`, `config.reload`. */
  readonly action: string
  /** Who did it: user of the operating system, or the component. */
  readonly actor: string
  /** To what: id of a key, tenant, file. */
  readonly subject: string
  /** Further facts for people; never secrets. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

export interface AuditTrail {
  /** On disk when it resolves. Rejects with a `MillraceError` when it cannot be written. */
  append(event: AuditEvent): Promise<void>
}

/** An extension that keeps an audit log has this property; null while none is configured. */
export interface HasAuditTrail {
  readonly auditTrail: AuditTrail | null
}
