import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Buildah, hasCommand, openBuildah, rootDir, run } from './buildah.ts'
import { ensureStandInBase } from './stand-in-base.ts'

/** What a container of the image starts with. */
export type ImageConfig = {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
  WorkingDir: string
  Healthcheck: { Test: string[] }
}

/** On what is built here, and so removed again. */
const label = 'inventoryrpa.test=built'

export type BuiltImage = {
  /** Its files, as a folder. */
  root: string
  config: ImageConfig
}

/** Chroots and mounts need root; Debian has the two tools. */
export const canBuildImages = async (): Promise<boolean> =>
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  (await hasCommand('buildah')) &&
  (await hasCommand('mmdebstrap'))

export const baseImage = async (): Promise<string> => {
  const dockerfile = await readFile(join(rootDir, 'Dockerfile'), 'utf8')
  const [, image] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile) ?? []
  if (image === undefined) throw new Error('the Dockerfile names no NODE_IMAGE')
  return image
}

/** Builds targets of the Dockerfile as it is, without a container engine. */
export const buildImages = async <Target extends string>(
  targets: readonly Target[],
): Promise<{ images: Record<Target, BuiltImage>; remove(): Promise<void> }> => {
  const folder = join(rootDir, '.data', 'image')
  const trees = join(folder, 'trees')
  const buildah = await openBuildah(folder)
  const remove = async () => {
    await rm(trees, { recursive: true, force: true })
    await removeBuilt(buildah)
  }
  // What a run that was killed has left.
  await remove()
  await mkdir(trees)
  await ensureStandInBase(buildah, { image: await baseImage(), folder })
  const secrets = await registrySecrets()
  const images = {} as Record<Target, BuiltImage>
  try {
    for (const target of targets) {
      const tag = `localhost/inventoryrpa-${target}`
      await buildah.run(
        ...['bud', '--isolation', 'chroot', '--pull-never', '--format', 'docker', '--layers'],
        ...[...secrets.args, '--label', label, '--target', target, '--tag', tag, rootDir],
      )
      const { Docker } = JSON.parse(await buildah.run('inspect', '--type', 'image', tag))
      images[target] = { root: join(trees, target), config: Docker.config }
      await buildah.export(tag, join(trees, target))
    }
  } finally {
    await secrets.remove()
  }
  return { images, remove }
}

/** All but the base and what was downloaded. */
const removeBuilt = async (buildah: Buildah): Promise<void> => {
  await buildah.run('rm', '--all')
  const built = await buildah.run('images', '--quiet', '--filter', `label=${label}`)
  for (const id of built.split('\n').filter(Boolean)) await buildah.run('rmi', '--force', id)
  await buildah.run('rmi', '--prune')
}

/** How npm reaches its registry on this machine: for the build alone, never in the image. */
const registrySecrets = async () => {
  const setting = async (name: string) => (await run('npm', ['config', 'get', name])).trim()
  const own = await readFile(join(homedir(), '.npmrc'), 'utf8').catch(() => '')
  const ca = await setting('cafile')
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-npmrc-'))
  const npmrc = join(folder, 'npmrc')
  const lines = [own, `registry=${await setting('registry')}`, 'cafile=/run/secrets/ca', '']
  const given = ca === 'null' ? lines.toSpliced(2, 1) : lines
  await writeFile(npmrc, given.join('\n'), { mode: 0o600 })
  return {
    args: [
      `--secret=id=npmrc,src=${npmrc}`,
      ...(ca === 'null' ? [] : [`--secret=id=ca,src=${ca}`]),
    ],
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
