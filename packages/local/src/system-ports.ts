import { freePort, portIsFree } from './free-port.ts'

export interface SystemPorts {
  port: number
  opsPort: number
}

export interface WantedPorts {
  /** 0: any free one. Undefined: the usual one, or any free one with a notice. */
  port?: number | undefined
  opsPort?: number | undefined
  host: string
}

/**
 * Settles the ports once, so that a restarted API keeps its address.
 * @throws Error naming the variable and what to do if a port asked for is taken
 */
export async function choosePorts(
  wanted: WantedPorts,
  onNotice: (sentence: string) => void,
): Promise<SystemPorts> {
  const choose = async (variable: string, asked: number | undefined, usual: number) => {
    if (asked === 0) return freePort()
    if (await portIsFree(asked ?? usual, wanted.host)) return asked ?? usual
    if (asked !== undefined) {
      throw new Error(
        `Port ${asked} is taken, or not allowed to you (${variable}=${asked}). ` +
          `Stop what uses it, or set ${variable} to another port, or to 0 for any free one.`,
      )
    }
    const free = await freePort()
    onNotice(`Port ${usual} is taken, so port ${free} is used; set ${variable} to choose one.`)
    return free
  }
  const port = await choose('PORT', wanted.port, 3000)
  if (port === wanted.opsPort) throw new Error(`PORT and OPS_PORT are both ${port}: change one.`)
  const opsPort = await choose('OPS_PORT', wanted.opsPort, 3001)
  // Both may have been picked at random, or PORT may be 3001.
  return { port, opsPort: opsPort === port ? await freePort() : opsPort }
}
