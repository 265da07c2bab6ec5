import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startStockSource } from './start-stock-source.ts'

const usage =
  'usage: [STOCK_SOURCE_TOKEN=… or STOCK_SOURCE_TOKEN_FILE=…] node examples/stock-source/main.ts --csv levels.csv [--port 4010] [--host 127.0.0.1]'

try {
  const { values } = parseArgs({
    options: {
      csv: { type: 'string' },
      port: { type: 'string', default: '4010' },
      host: { type: 'string', default: '127.0.0.1' },
    },
  })
  const port = Number(values.port)
  if (values.csv === undefined || !Number.isInteger(port)) throw new Error(usage)
  const { STOCK_SOURCE_TOKEN, STOCK_SOURCE_TOKEN_FILE: file } = process.env
  const token = file ? (await readFile(file, 'utf8')).trim() : STOCK_SOURCE_TOKEN
  const server = await startStockSource({
    csv: values.csv,
    port,
    host: values.host,
    ...(token ? { token } : {}),
  })
  console.log(`${server.url}\nAuthorization: Bearer ${server.token}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, server.close)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
