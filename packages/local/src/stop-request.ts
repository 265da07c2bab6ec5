import { packageManagersAbove, watchProcesses } from './package-manager.ts'

export interface StopRequest {
  /** Aborts when we are asked to stop, or when npx or pnpm, which started us, is gone. */
  asked: AbortSignal
  /** Settles at a further, impatient request. */
  impatient: Promise<NodeJS.Signals>
}

// Ctrl-C reaches us from the terminal and, forwarded, from pnpm: that is one request.
const sameRequestMs = 1000

/** Turns signals and the end of npx or pnpm into one request to stop. */
export async function stopRequest(own: NodeJS.Process): Promise<StopRequest> {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let askedAt = 0
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    own.on(name, () => {
      if (!controller.signal.aborted) {
        askedAt = performance.now()
        controller.abort(new Error(name))
      } else if (performance.now() - askedAt > sameRequestMs) resolve(name)
    })
  }
  // The terminal or pipe we print to may be gone before we are.
  own.stdout.on('error', () => undefined)
  own.stderr.on('error', () => undefined)
  await watchProcesses(await packageManagersAbove(own.pid), () =>
    controller.abort(new Error('the process that started InventoryRPA is gone')),
  )
  return { asked: controller.signal, impatient: promise }
}
