import type { System } from './system.ts'

/** Where everything is and how to get in, as aligned lines. */
export function addressLines(system: System): string[] {
  const rows = [
    ['API', `${system.apiUrl}/v1`],
    ['API documentation', `${system.apiUrl}/docs`],
    ['API key', system.apiKey],
    ['Operators', `${system.opsUrl}   user ${system.opsUser}, password ${system.opsPassword}`],
    ['Queues', system.redisUrl === null ? 'in PostgreSQL (REDIS_URL is not set)' : 'in Redis'],
    ['Workers', String(system.workers.length)],
    ['Logs', '.data/logs'],
  ]
  const width = Math.max(...rows.map(([name = '']) => name.length))
  return rows.map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`)
}

/** A request that works as printed, in a POSIX shell. */
export function curlExample(system: System, path: string): string {
  return `curl -H 'Authorization: Bearer ${system.apiKey}' '${system.apiUrl}${path}'`
}
