/** Configuration of `basicauth`. Keys, defaults and checks are upstream's; `tenant` is ours. */
import { z } from 'zod'
import { optionalSection, secret, section, textField, wrong } from '../../config/fields.ts'
import { DEFAULT_TENANT } from '../../core/batch.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { isTenantId, TENANT_ID_RULE } from '../../tenancy/identity/tenant-id.ts'

const schema = section({
  htpasswd: optionalSection({
    file: z.string().default('').describe('htpasswd file; read again when it changes.'),
    inline: secret().optional().describe('The same as text; its users win over those of the file.'),
  }).describe('For receivers: users and their passwords.'),
  client_auth: optionalSection({
    username: z.string().default('').describe('User.'),
    username_file: z
      .string()
      .default('')
      .describe('File with the user, instead; read again when it changes.'),
    password: secret().optional().describe('Password.'),
    password_file: z
      .string()
      .default('')
      .describe('File with the password, instead; read again when it changes.'),
  }).describe('For exporters: what is sent.'),
  tenant: textField(
    text => (isTenantId(text) ? text : wrong('is not the id of a tenant', TENANT_ID_RULE)),
    { type: 'string' },
  )
    .prefault(DEFAULT_TENANT as never)
    .describe('Tenant of all users.'),
})

export type BasicAuthConfig = z.output<typeof schema>

export const config: ConfigSpec<BasicAuthConfig> = { schema, check }

function check({ htpasswd, client_auth }: BasicAuthConfig): ConfigProblem[] {
  if (htpasswd !== undefined && client_auth !== undefined) {
    const message = 'stands beside htpasswd; one extension does one of both'
    return [{ path: ['client_auth'], message, expected: 'a second basicauth extension' }]
  }
  const hasUsers = htpasswd !== undefined && (htpasswd.file !== '' || htpasswd.inline !== undefined)
  if (hasUsers || client_auth !== undefined) return []
  return [{ path: [], message: 'has no users', expected: 'htpasswd or client_auth' }]
}
