import type { Overlay, Workload } from './manifests.ts'

/** Values for what a manifest takes from a secret. */
export type Secrets = Record<string, string>

/**
 * The environment that a workload's container gets. What an overlay has no secret for is taken from
 * `secrets`, and absent if it is optional and not there.
 * @throws Error if a variable that must be there is not
 */
export const settingsOf = (
  { of }: Overlay,
  workload: Workload,
  secrets: Secrets,
): Record<string, string> => {
  const [container] = workload.containers
  const settings: Record<string, string> = {}
  for (const { configMapRef } of container?.envFrom ?? []) {
    const map = of('ConfigMap').find((it) => it.metadata.name === configMapRef?.name)
    Object.assign(settings, map?.data)
  }
  for (const { name, value, valueFrom } of container?.env ?? []) {
    const reference = valueFrom?.secretKeyRef
    const given = value ?? secrets[reference?.key ?? '']
    if (given !== undefined) settings[name] = given
    else if (!reference?.optional) throw new Error(`${workload.name}: no value for ${name}`)
  }
  return settings
}

/** The secrets an overlay makes itself, decoded. */
export const ownSecrets = ({ of }: Overlay, secret: string): Secrets =>
  Object.fromEntries(
    of('Secret')
      .filter((it) => it.metadata.name.startsWith(`${secret}-`) || it.metadata.name === secret)
      .flatMap((it) => Object.entries(it.data ?? {}))
      .map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )
