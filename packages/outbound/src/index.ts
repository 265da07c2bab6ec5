export { AddressRefusedError, type AllowsPrivate, isAllowedAddress } from './address.ts'
export { guardedConnector } from './connector.ts'
export { orAborted } from './or-aborted.ts'
export { retryAfterMs } from './retry-after.ts'
