import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EmbeddedPostgres,
  removeCluster,
  signal,
  startEmbeddedPostgres,
} from '@inventoryrpa/local'
import { endWithThisProcess } from './exit-guard.ts'

export interface PostgresServer {
  url(database?: string): string
  port: number
  readonly pid: number
  /** Ends it for good and removes its data. */
  stop(): Promise<void>
  /** `SIGKILL` kills the postmaster, `immediate` is PostgreSQL's own emergency stop. */
  kill(how?: 'SIGKILL' | 'immediate'): Promise<void>
  /** Starts it again on the same port and data, with a fast shutdown first if it runs. */
  restart(): Promise<void>
}

export interface PostgresServerOptions {
  settings?: Record<string, string>
  onLog?: (line: string) => void
}

/** Settings for data that no one will miss: nothing is flushed to the disk. */
export const volatileSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '500',
}

/** Starts a PostgreSQL of its own in a temporary folder; it ends with this process at the latest. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-postgres-'))
  const dataDir = join(folder, 'postgres')
  // As root, PostgreSQL runs as somebody else, who must be able to pass through.
  await chmod(folder, 0o711)
  const letGo = endWithThisProcess({ folder })
  let server: EmbeddedPostgres
  try {
    server = await startEmbeddedPostgres({ dataDir, ...options })
  } catch (error) {
    await removeCluster(dataDir)
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  const { port } = server
  return {
    url: (database) => server.url(database),
    port,
    get pid() {
      return server.pid
    },
    async stop() {
      await server.stop('immediate')
      await removeCluster(dataDir)
      await rm(folder, { recursive: true, force: true })
      letGo()
    },
    async kill(how = 'SIGKILL') {
      if (how === 'immediate') await server.stop('immediate')
      else signal(server.pid, 'SIGKILL')
      await server.exited
    },
    async restart() {
      await server.stop()
      server = await startEmbeddedPostgres({ dataDir, port, ...options })
    },
  }
}
