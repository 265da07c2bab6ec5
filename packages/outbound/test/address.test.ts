import type { LookupAddress } from 'node:dns'
import { expect, test } from 'vitest'
import { guardedLookup, isAllowedAddress } from '../src/address.ts'

const publicAddresses = ['93.184.215.14', '8.8.8.8', '2606:4700:4700::1111', '::ffff:8.8.8.8']
const ownNetwork = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '::1',
  'fd12:3456::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::127.0.0.1',
]
const never = [
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
  'fd00:0ec2:0::0254',
  '100.100.100.200',
  '::ffff:100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  'ff02::1',
  'fec0::1',
  // IPv4 in other clothes: compatible, translated, NAT64, 6to4, Teredo.
  '::7f00:1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::1',
  '2001::1',
  '2001:db8::1',
  '4000::1',
  'localhost',
  '',
]

test.for(publicAddresses)('%s is public and allowed', (address) => {
  expect(isAllowedAddress(address, false)).toBe(true)
})

test.for(ownNetwork)('%s is allowed only where private networks are', (address) => {
  expect(isAllowedAddress(address, false)).toBe(false)
  expect(isAllowedAddress(address, true)).toBe(true)
})

test.for(never)('%j is never allowed', (address) => {
  expect(isAllowedAddress(address, false)).toBe(false)
  expect(isAllowedAddress(address, true)).toBe(false)
})

/** A name whose address is another each time it is asked for, as in DNS rebinding. */
const rebinding = (...answers: LookupAddress[][]) => {
  const lookup = guardedLookup(
    () => false,
    (_hostname, _options, callback) => callback(null, answers.shift() ?? []),
  )
  return (options = {}) =>
    new Promise((resolve) => {
      lookup('stock.example', options, (error, address) => resolve(error?.code ?? address))
    })
}

const good = { address: '8.8.8.8', family: 4 }
const bad = { address: '127.0.0.1', family: 4 }

test('a name that was public and then is private is refused then', async () => {
  const resolve = rebinding([good], [bad])
  expect(await resolve()).toBe('8.8.8.8')
  expect(await resolve()).toBe('ERR_ADDRESS_REFUSED')
})

test('of a name with several addresses only the allowed ones are used', async () => {
  const resolve = rebinding([bad, good], [good, bad])
  expect(await resolve({ all: true })).toEqual([good])
  expect(await resolve()).toBe('8.8.8.8')
})

test('however many connect at once, a name is looked up once at a time', async () => {
  const lookups: (() => void)[] = []
  const lookup = guardedLookup(
    () => false,
    (_hostname, _options, callback) => {
      lookups.push(() => callback(null, [good]))
    },
  )
  const resolve = () =>
    new Promise((done) => lookup('stock.example', {}, (_error, address) => done(address)))
  const both = [resolve(), resolve()]
  expect(lookups).toHaveLength(1)
  lookups[0]?.()
  expect(await Promise.all(both)).toEqual(['8.8.8.8', '8.8.8.8'])
  const next = resolve()
  expect(lookups).toHaveLength(2)
  lookups[1]?.()
  expect(await next).toBe('8.8.8.8')
})

test('whether a private address will do is asked of the name', async () => {
  const asked: string[] = []
  const allowsPrivate = (hostname: string) => asked.push(hostname) > 0
  const lookup = guardedLookup(allowsPrivate, (_hostname, _options, callback) =>
    callback(null, [bad]),
  )
  const resolved = new Promise((done) => lookup('hooks', {}, (_error, address) => done(address)))
  expect(await resolved).toBe('127.0.0.1')
  expect(asked).toEqual(['hooks'])
})

test('a name without an address is refused', async () => {
  expect(await rebinding([])()).toBe('ERR_ADDRESS_REFUSED')
})
