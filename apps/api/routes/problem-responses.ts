import { type ProblemCode, problem, problemContentType, problems } from '@inventoryrpa/contracts'

/** What every route may answer: to nobody, to one who may not or not so often, and during an outage. */
const everywhere: readonly ProblemCode[] = [
  'invalid-request',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'unavailable',
]

const codes = Object.keys(problems) as ProblemCode[]

const known = new Set<number>(everywhere.map((code) => problems[code].status))

/** A status stands for all its problems, but one that every route may answer for no more than that. */
const codesOf = (given: number | ProblemCode) =>
  typeof given === 'string' ? [given] : codes.filter((code) => isMeant(code, given))

const isMeant = (code: ProblemCode, status: number) =>
  problems[code].status === status && !known.has(status)

/** Declares the problems that a route may answer, besides those that every route may. */
export const problemResponses = (...given: (number | ProblemCode)[]) => {
  const possible = new Set([...everywhere, ...given.flatMap(codesOf)])
  return Object.fromEntries(
    Object.entries(Object.groupBy(possible, (code) => problems[code].status)).map(
      ([status, codes = []]) => [
        status,
        {
          description: codes.map((code) => problems[code].title).join('; '),
          codes,
          content: { [problemContentType]: { schema: problem } },
        },
      ],
    ),
  )
}
