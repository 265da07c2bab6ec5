import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Buildah, run } from './buildah.ts'

/**
 * What stands in for the official Node image where no registry of images is in reach: the Debian
 * release that its tag names, with this process's Node and this machine's npm. Made once a checkout.
 */
export const ensureStandInBase = async (
  buildah: Buildah,
  { image, folder }: { image: string; folder: string },
): Promise<void> => {
  if (await exists(buildah, image)) return
  const [, version, suite] = /:([\d.]+)-(\w+)-slim$/.exec(image) ?? []
  if (`v${version}` !== process.version || suite === undefined) {
    throw new Error(`${process.version} cannot stand in for ${image}`)
  }
  const tree = join(folder, 'base.tar')
  const npm = (await run('npm', ['--version'])).trim()
  const hooks = [
    `upload ${process.execPath} /usr/local/bin/node`,
    'chmod 755 "$1/usr/local/bin/node"',
    `npm install --global --prefix "$1/usr/local" npm@${npm} >&2`,
  ]
  try {
    // Node's build on npm wants libatomic1.
    await run('mmdebstrap', [
      ...['--variant=apt', '--include=libatomic1', suite, tree],
      ...hooks.map((hook) => `--customize-hook=${hook}`),
    ])
    const container = (await buildah.run('from', 'scratch')).trim()
    await buildah.run('add', '--quiet', container, tree, '/')
    await buildah.run('config', '--cmd', 'node', container)
    await buildah.run('commit', '--quiet', '--format', 'docker', container, image)
    await buildah.run('rm', container)
  } finally {
    await rm(tree, { force: true })
  }
}

const exists = (buildah: Buildah, image: string) =>
  buildah.run('inspect', '--type', 'image', image).then(
    () => true,
    () => false,
  )
