// Health checks, since the image has no curl: node probe.mjs /livez asks the app of this container.
// biome-ignore lint/style/noProcessEnv: a program of its own
const { OPS_PORT } = process.env
// The default of the API, that of the worker.
const ports = OPS_PORT ? [OPS_PORT] : [3001, 3002]

const ask = async (port) => {
  const url = `http://127.0.0.1:${port}${process.argv[2]}`
  const response = await fetch(url, { signal: AbortSignal.timeout(4_000) })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}

await Promise.any(ports.map(ask))
// Connections that are kept alive would keep this process.
process.exit()
