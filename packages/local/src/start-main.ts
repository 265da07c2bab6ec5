import { fileURLToPath } from 'node:url'
import { addressLines, curlExample } from './addresses.ts'
import { runSession, untilAsked } from './session.ts'
import { stopRequest } from './stop-request.ts'

const rootDir = fileURLToPath(new URL('../../..', import.meta.url))
const print = (line: string) => console.log(line)

const options = { rootDir, env: process.env, print, stop: await stopRequest(process) }
const code = await runSession(options, async (system, asked) => {
  print('')
  for (const line of addressLines(system)) print(line)
  print(`\nTry it:\n  ${curlExample(system, '/v1/stock?limit=5')}\n\nCtrl-C stops it.`)
  await untilAsked(asked)
  return 0
})
process.exit(code)
