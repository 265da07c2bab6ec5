import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addressLines, curlExample } from './addresses.ts'
import { allStock } from './api-client.ts'
import { outcomeLines, stockTable } from './demo-outcome.ts'
import { submitAndFollow, whatIsMissing } from './demo-run.ts'
import { readOnlineRetailDay } from './online-retail.ts'
import { runSession, untilAsked } from './session.ts'
import { stopRequest } from './stop-request.ts'

const rootDir = fileURLToPath(new URL('../../..', import.meta.url))
const day = '2010-12-01'
const exitAfterwards = process.argv.includes('--exit')
const print = (line: string) => console.log(line)

const options = { rootDir, env: process.env, print, stop: await stopRequest(process) }
const code = await runSession(options, async (system, asked) => {
  const lines = await readOnlineRetailDay(join(rootDir, 'examples/online-retail', `${day}.csv`))
  print(`\nSending ${lines.length} stock movements of ${day} (examples/online-retail)`)
  const output = { stream: process.stdout, print }
  const outcome = await submitAndFollow(system, { reference: day, lines }, output, asked)
  print('')
  for (const line of outcomeLines(outcome)) print(line)
  const missing = whatIsMissing(outcome.counts, lines.length)
  if (missing !== undefined) print(`\n! Not as it should be: ${missing}.`)
  print('\nFurthest from zero, over all runs so far')
  const stock = await allStock(system)
  for (const line of stockTable(stock)) print(line)
  if (!exitAfterwards) {
    print('')
    for (const line of addressLines(system)) print(line)
    const example = curlExample(system, `/v1/stock?sku=${stock[0]?.sku ?? '85123A'}&limit=5`)
    print(`\nTry it:\n  ${example}\n\nCtrl-C stops it.`)
    await untilAsked(asked)
  }
  return missing === undefined ? 0 : 1
})
process.exit(code)
