import { guardedConnector } from '@inventoryrpa/outbound'
import { Pool } from 'undici'

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
}: ConnectionOptions): Pool =>
  new Pool(origin, {
    connections,
    pipelining: 1,
    // One body in flight a connection, so that one slow answer holds up no other.
    allowH2: false,
    maxResponseSize: maxWireBytes,
    connect: guardedConnector({ connectTimeoutMs, allowsPrivate: () => allowPrivateAddresses }),
  })
