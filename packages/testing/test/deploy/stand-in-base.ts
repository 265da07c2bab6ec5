import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Buildah, run } from './buildah.ts'

/**
 * What stands in for the official Node image where no registry of images is in reach: the Debian
 * release that its tag names, with this process's Node and this machine's npm. Made once a checkout.
 */
export const ensureStandInBase = async (buildah: Buildah, image: string): Promise<void> => {
  if (await exists(buildah, image)) return
  const [, version, suite] = /:([\d.]+)-(\w+)-slim$/.exec(image) ?? []
  if (`v${version}` !== process.version || suite === undefined) {
    throw new Error(`${process.version} cannot stand in for ${image}`)
  }
  const container = (await buildah.run('from', 'scratch')).trim()
  const root = await buildah.mount(container)
  // Node's build on npm wants libatomic1.
  await run('mmdebstrap', ['--variant=apt', '--include=libatomic1', suite, root])
  const local = join(root, 'usr/local')
  await copyFile(process.execPath, join(local, 'bin/node'))
  const npm = (await run('npm', ['--version'])).trim()
  await run('npm', ['install', '--global', '--prefix', local, `npm@${npm}`])
  await buildah.run('umount', container)
  await buildah.run('commit', '--quiet', '--format', 'docker', container, image)
  await buildah.run('rm', container)
}

const exists = (buildah: Buildah, image: string) =>
  buildah.run('inspect', '--type', 'image', image).then(
    () => true,
    () => false,
  )
