import { isIP } from 'node:net'
import { buildConnector, Pool } from 'undici'
import { AddressRefusedError, guardedLookup, isAllowedAddress } from './outbound-address.ts'

export type ConnectionOptions = {
  /** Scheme, host and port. */
  origin: string
  connections: number
  /** Milliseconds to wait for a connection. */
  connectTimeoutMs: number
  /** Bytes of a body on the wire. */
  maxWireBytes: number
  allowPrivateAddresses: boolean
}

/** Opens no connection until it is used. Connections are kept and used again. */
export const openConnections = ({
  origin,
  connections,
  connectTimeoutMs,
  maxWireBytes,
  allowPrivateAddresses,
}: ConnectionOptions): Pool => {
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    lookup: guardedLookup(allowPrivateAddresses),
  })
  return new Pool(origin, {
    connections,
    pipelining: 1,
    // One body in flight a connection, so that one slow answer holds up no other.
    allowH2: false,
    maxResponseSize: maxWireBytes,
    connect: (options, callback) => {
      // An address in place of a name is not looked up.
      if (isIP(options.hostname) && !isAllowedAddress(options.hostname, allowPrivateAddresses)) {
        queueMicrotask(() => callback(new AddressRefusedError('address not allowed'), null))
        return
      }
      connect(options, callback)
    },
  })
}
