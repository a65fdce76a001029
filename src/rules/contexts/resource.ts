/** Paths of resources and instrumentation scopes, in their own contexts and from everything inside them. */
import { RESOURCE, RESOURCE_GROUP, SCOPE, SCOPE_GROUP } from './cursor.ts'
import { fieldAt } from './field.ts'
import { messagePath } from './messages.ts'
import { attributes, type PathTable, plain, slotAt } from './paths.ts'
import { intPath, textPath } from './scalars.ts'

const SCHEMA_URL = 3

export const RESOURCE_PATHS: PathTable = {
  '': plain(messagePath(fieldAt(RESOURCE_GROUP, 1), 'Resource')),
  attributes: attributes(fieldAt(RESOURCE, 1), 'attributes'),
  dropped_attributes_count: plain(
    intPath(fieldAt(RESOURCE, 2), 'uint32'),
    slotAt(RESOURCE, 'droppedAttributesCount', 'int'),
  ),
  schema_url: plain(
    textPath(fieldAt(RESOURCE_GROUP, SCHEMA_URL)),
    slotAt(RESOURCE_GROUP, 'schemaUrl', 'text'),
  ),
}

export const SCOPE_PATHS: PathTable = {
  '': plain(messagePath(fieldAt(SCOPE_GROUP, 1), 'Scope')),
  name: plain(textPath(fieldAt(SCOPE, 1)), slotAt(SCOPE, 'name', 'text')),
  version: plain(textPath(fieldAt(SCOPE, 2)), slotAt(SCOPE, 'version', 'text')),
  attributes: attributes(fieldAt(SCOPE, 3), 'attributes'),
  dropped_attributes_count: plain(
    intPath(fieldAt(SCOPE, 4), 'uint32'),
    slotAt(SCOPE, 'droppedAttributesCount', 'int'),
  ),
  schema_url: plain(
    textPath(fieldAt(SCOPE_GROUP, SCHEMA_URL)),
    slotAt(SCOPE_GROUP, 'schemaUrl', 'text'),
  ),
}
