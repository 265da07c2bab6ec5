import { parseArgs } from 'node:util'

export type Options = { rounds: number; quick: boolean }

const usage = `Usage: pnpm bench [--rounds <n>] [--quick]
  --rounds <n>  rounds of each side, 1 to 100 (default 5; 3 with --quick)
  --quick       a quarter of the lines: shows that it works, not how fast it is`

/** @throws Error with the usage for anything else */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parse(args)
  const quick = values.quick ?? false
  const rounds = Number(values.rounds ?? (quick ? 3 : 5))
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new Error(`--rounds ${values.rounds}: must be a whole number from 1 to 100\n${usage}`)
  }
  return { rounds, quick }
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: args.filter((arg) => arg !== '--'),
      options: { rounds: { type: 'string' }, quick: { type: 'boolean' } },
    })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`)
  }
}
