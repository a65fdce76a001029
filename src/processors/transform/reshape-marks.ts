/** What happens to a metric in one round of a group that makes metrics. */
export const DONE = 0
export const ACTIVE = 1
export const ADDED = 2
