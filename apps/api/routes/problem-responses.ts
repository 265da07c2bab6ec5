import { problem, problemContentType, problems } from '@inventoryrpa/contracts'

const titles = Object.values(problems)

/** Declares the problems that a route may answer. */
export const problemResponses = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: titles
          .filter((entry) => entry.status === status)
          .map((entry) => entry.title)
          .join('; '),
        content: { [problemContentType]: { schema: problem } },
      },
    ]),
  )
