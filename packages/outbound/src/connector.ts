import { isIP } from 'node:net'
import { buildConnector } from 'undici'
import {
  AddressRefusedError,
  type AllowsPrivate,
  guardedLookup,
  isAllowedAddress,
} from './address.ts'

/** For undici: connects to addresses that may be connected to, and to no other. */
export const guardedConnector = ({
  connectTimeoutMs,
  allowsPrivate,
}: {
  /** Milliseconds to wait for a connection. */
  connectTimeoutMs: number
  allowsPrivate: AllowsPrivate
}): buildConnector.connector => {
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    lookup: guardedLookup(allowsPrivate),
  })
  return (options, callback) => {
    const { hostname } = options
    // An address in place of a name is not looked up.
    if (isIP(hostname) && !isAllowedAddress(hostname, allowsPrivate(hostname))) {
      queueMicrotask(() => callback(new AddressRefusedError('address not allowed'), null))
      return
    }
    connect(options, callback)
  }
}
