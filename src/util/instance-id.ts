/** What tells this process from others that run the same configuration; the `service_instance_id` of its own metrics. */
import { randomUUID } from 'node:crypto'

export const INSTANCE_ID = randomUUID()
