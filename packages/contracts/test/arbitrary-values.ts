import fc from 'fast-check'

/** The clock that the instants stand around. */
export const now = Date.parse('2026-03-01T12:00:00.500Z')

const minuteMs = 60_000
const dayMs = 86_400_000
const letters = fc.constantFrom('x', 'é', 'я', '\u1fff', '東', '📦')

export const rightName = (max: number) =>
  fc.oneof(
    fc.constantFrom('85123A', 'United Kingdom', '~', 'a\u00a0b', 'a\u1680b', '__proto__'),
    letters.map((letter) => letter.repeat(max)),
    fc.string({ unit: 'grapheme-ascii', maxLength: 8 }).map((text) => `a${text}b`),
  )

const oddCharacter = fc.constantFrom(
  ...[' ', '\t', '\n', '\u00a0', '\u1680', '\u2003', '\u3000', '\ufeff'],
  ...['\u0000', '\u001f', '\u007f', '\u0085', '\u009f', '\ud800', '\udc00'],
)
export const oddName = (max: number) =>
  fc.oneof(
    fc.constant(''),
    letters.map((letter) => letter.repeat(max + 1)),
    oddCharacter.map((character) => `${character}a`),
    oddCharacter.map((character) => `a${character}`),
    oddCharacter.map((character) => `a${character}b`),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )

const utc = (min: number, max: number) =>
  fc.integer({ min, max }).map((time) => new Date(time).toISOString())

export const rightInstant = fc.oneof(
  utc(Date.parse('0002-01-02T00:00:00Z'), now),
  utc(now - 3 * dayMs, now),
  utc(now - 3 * dayMs, now).map((text) => text.replace(/\.\d+/, '')),
  fc.constantFrom('2024-02-29T23:59:59Z', '2000-02-29T00:00:00.000Z', '2010-12-01T08:26:00+05:30'),
)

const mostly = (right: string[], ...odd: string[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...right) }, fc.constantFrom(...odd))
const nearLimit = utc(now + 5 * minuteMs - 2, now + 5 * minuteMs + 2)
export const oddInstant = fc.oneof(
  utc(now - 10 * minuteMs, now + 10 * minuteMs),
  utc(now, now + 400 * dayMs),
  nearLimit,
  nearLimit.map((text) => text.replace('T12', 'T14').replace('Z', '+02:00')),
  nearLimit.map((text) => text.replace('T12', 'T10').replace('Z', '-02:00')),
  utc(Date.parse('0000-06-01T00:00:00Z'), Date.parse('0003-06-01T00:00:00Z')),
  fc
    .tuple(
      mostly(['1900', '2000', '2023', '2024'], '0000', '0001', '0002', '9999', '24'),
      mostly(['01', '02', '04', '12'], '00', '13'),
      mostly(['01', '28', '29', '30', '31'], '00', '32'),
      mostly(['00', '23'], '24'),
      mostly(['00', '59'], '60'),
      mostly(['00', '59', '59.9', '59.123456789'], '60', '59.', '5'),
      mostly(['Z', '+00:00', '-00:30', '+23:59'], 'z', '', '+24:00', '+0100', 'Z '),
    )
    .map(([y, mo, d, h, mi, s, zone]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${zone}`),
)

/** Not below zero, so that every type of line may carry it. */
export const rightQuantity = fc.oneof(
  fc.integer({ min: 0, max: 1_000 }),
  fc.constantFrom(0, -0, 999_999_999_999, 999_999_999_999.999, 0.001, 2.5),
  fc.constantFrom('0', '-0', '-0.000', '7', '2.500', '999999999999.999'),
)

export const oddQuantity = fc.constantFrom(
  ...[-1, -0.001, -999_999_999_999, 1e12, -1e12, 999_999_999_999.9999, 2 ** 53, 1e21, -1e21],
  ...[1e-7, 0.0001, 0.1 + 0.2, Number.POSITIVE_INFINITY, Number.MIN_VALUE],
  ...['-1', '1e3', '01', '+1', ' 1', '1 ', '1.', '.5', '1.2345', '1000000000000', ''],
)

export const oddValue = fc.constantFrom(
  ...[null, true, 1, '', 'apply', 'count', 'transfer', 'adjustment'],
  ...[{}, [], ['x'], { length: 1 }],
)
