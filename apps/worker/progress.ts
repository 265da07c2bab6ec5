/** Whether a consumer gets on, told by whoever does a part of its work. */
export type Progress = {
  /** Grows with everything that gets on, however small. */
  readonly steps: number
  /** A statement is under way. PostgreSQL or the driver ends it in time, with an answer or an outage. */
  readonly busy: boolean
  /** Something was done: an attempt ended, a stock source answered. */
  step(): void
  /** A statement is sent. @returns what to call once it is answered */
  statement(): () => void
}

export const createProgress = (): Progress => {
  let steps = 0
  let underWay = 0
  const step = () => {
    steps += 1
  }
  return {
    get steps() {
      return steps
    },
    get busy() {
      return underWay > 0
    },
    step,
    statement: () => {
      step()
      underWay += 1
      return () => {
        step()
        underWay -= 1
      }
    },
  }
}
