import { ProblemError } from '../plugins/problems.ts'

export type UploadSlots = {
  /**
   * @param name of what is not to run twice at once
   * @returns undefined if it runs already
   * @throws ProblemError when as many run as may
   */
  take(name: string | undefined): Disposable | undefined
}

/** Each holds a connection of PostgreSQL and some memory. */
export const createUploadSlots = (most: number): UploadSlots => {
  const named = new Set<string>()
  let taken = 0
  return {
    take: (name) => {
      if (name !== undefined && named.has(name)) return undefined
      if (taken >= most) {
        const detail = `${most} uploads are being received here already; nothing was stored`
        throw new ProblemError('unavailable', detail, { retryAfterSeconds: 5 })
      }
      taken += 1
      if (name !== undefined) named.add(name)
      return {
        [Symbol.dispose]: () => {
          taken -= 1
          if (name !== undefined) named.delete(name)
        },
      }
    },
  }
}
