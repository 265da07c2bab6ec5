import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Thrown when connecting, so that the address checked is the address used. */
export class AddressRefusedError extends Error {
  readonly code = 'ERR_ADDRESS_REFUSED'
  override readonly name = 'AddressRefusedError'
}

/**
 * Where clouds keep credentials of the machine, whatever range it lies in: AWS over IPv6, Alibaba,
 * Azure. The usual 169.254.169.254 is link-local and refused as such.
 */
const metadata = new Set(['fd00:ec2::254', '100.100.100.200', '168.63.129.16'])

const privateRanges = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat'])

/** What IANA gives out for the internet; outside it lies what old systems take for IPv4. */
const globalIpv6 = ipaddr.parseCIDR('2000::/3')

/**
 * Whether a connection to the address may be made: public ones, and with `allowPrivate` those of a
 * network of one's own. Never link-local, metadata, multicast or reserved ones.
 */
export const isAllowedAddress = (text: string, allowPrivate: boolean): boolean => {
  if (!ipaddr.isValid(text)) return false
  // IPv4 in IPv6 (::ffff:127.0.0.1) is judged as IPv4.
  const address = ipaddr.process(text)
  if (metadata.has(address.toString())) return false
  const range = address.range()
  if (privateRanges.has(range)) return allowPrivate
  return range === 'unicast' && (address.kind() === 'ipv4' || address.match(globalIpv6))
}

type Resolved = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
type Lookup = (hostname: string, options: LookupAllOptions, callback: Resolved) => void

/**
 * One look-up of a name at a time, whose answer all get who wait for it. While DNS is away each
 * occupies one of libuv's four threads, which files and decompression need as well.
 */
const oneAtATime = (lookup: Lookup): Lookup => {
  const waiting = new Map<string, Resolved[]>()
  return (hostname, options, callback) => {
    const others = waiting.get(hostname)
    if (others) return void others.push(callback)
    waiting.set(hostname, [callback])
    lookup(hostname, options, (error, addresses) => {
      const callbacks = waiting.get(hostname) ?? []
      waiting.delete(hostname)
      for (const it of callbacks) it(error, addresses)
    })
  }
}

/** Whether a host may have a private address. */
export type AllowsPrivate = (hostname: string) => boolean

/**
 * Resolves a host name to those of its addresses that may be connected to. It is called for every
 * connection, so a name that changes its address is judged anew.
 */
export const guardedLookup = (
  allowsPrivate: AllowsPrivate,
  systemLookup: Lookup = dnsLookup,
): LookupFunction => {
  const lookup = oneAtATime(systemLookup)
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const allowPrivate = allowsPrivate(hostname)
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, allowPrivate))
      const [first] = allowed
      if (!first) return callback(new AddressRefusedError('no address allowed'), '', 0)
      if (options.all) return callback(null, allowed)
      callback(null, first.address, first.family)
    })
  }
}
