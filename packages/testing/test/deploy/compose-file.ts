import { join } from 'node:path'
import { unpackDebianPackages } from '../../src/debian-packages.ts'
import { hasCommand, rootDir, run } from './buildah.ts'

export type Service = {
  environment?: Record<string, string>
  command?: string[]
  user?: string
  read_only?: boolean
  privileged?: boolean
  cap_add?: string[]
  cap_drop?: string[]
  security_opt?: string[]
  network_mode?: string
  networks?: Record<string, unknown>
  ports?: { host_ip?: string; target: number; published: string }[]
  volumes?: { type: string; source: string; target: string }[]
  secrets?: { source: string; target: string }[]
  configs?: { source: string; target: string }[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
  build?: { target: string }
  deploy?: { replicas?: number }
  profiles?: string[]
  restart?: string
  mem_limit?: string
  stop_grace_period?: string
}

export type ComposeFile = {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
  secrets: Record<string, { file?: string; environment?: string }>
  configs: Record<string, { file: string }>
}

/**
 * Compose with its arguments: Docker's plugin, else that of Debian 13, unpacked.
 * @throws Error where there is neither
 */
const findCompose = async (): Promise<string[]> => {
  const works = (await hasCommand('docker')) && run('docker', ['compose', 'version'])
  const installed = await Promise.resolve(works).catch(() => false)
  if (installed) return ['docker', 'compose']
  const folder = join(rootDir, '.data', 'docker-compose')
  await unpackDebianPackages(['docker-compose'], folder, { release: 'trixie' })
  return [join(folder, 'usr/libexec/docker/cli-plugins/docker-compose')]
}

/** docker-compose.yml as compose itself reads it, every service of every profile. */
export const readComposeFile = async (...options: string[]): Promise<ComposeFile> => {
  const [command = '', ...before] = await findCompose()
  const args = [...before, '--project-directory', rootDir, ...options, '--profile', '*']
  return JSON.parse(await run(command, [...args, 'config', '--format', 'json']))
}
