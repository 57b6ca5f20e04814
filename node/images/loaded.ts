// Images that were loaded by hand: a folder for each, named by a hash of its name, whole or not there at all.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { StartError } from '../runtime.ts';
import { commandLine, type Image, PATH } from './image.ts';
import type { ImageConfig } from './unpack.ts';

export interface LoadedImage extends ImageConfig {
  /** Normal: `docker.io/library/web:latest`. */
  readonly name: string;
  /** `sha256:…` of the file it came from. */
  readonly id: string;
  /** ms since the epoch. */
  readonly loadedAt: number;
}

const folderOf = (directory: string, name: string): string =>
  `${directory}/${createHash('sha256').update(name).digest('hex').slice(0, 20)}`;

/** `fill` unpacks the files into the folder it is given. An image of the same name is replaced. */
export async function addLoadedImage(
  directory: string,
  name: string,
  fill: (rootfs: string) => Promise<Omit<LoadedImage, 'name' | 'loadedAt'>>,
): Promise<LoadedImage> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const made = await mkdtemp(`${directory}/.new-`);
  try {
    await mkdir(`${made}/rootfs`);
    const image = { name, loadedAt: Date.now(), ...(await fill(`${made}/rootfs`)) };
    await writeFile(`${made}/image.json`, `${JSON.stringify(image, null, 2)}\n`);
    const folder = folderOf(directory, name);
    await removeLoadedImage(directory, name);
    await rename(made, folder);
    return image;
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** False when there was none. */
export async function removeLoadedImage(directory: string, name: string): Promise<boolean> {
  const gone = `${directory}/.old-${process.pid}-${Date.now()}`;
  const found = await rename(folderOf(directory, name), gone).then(() => true, ifThere(false));
  await rm(gone, { recursive: true, force: true });
  return found;
}

/** By name. */
export async function listLoadedImages(directory: string): Promise<LoadedImage[]> {
  const folders = await readdir(directory).catch(ifThere<string[]>([]));
  const images = await Promise.all(
    folders.filter((name) => !name.startsWith('.')).map((name) => readImage(`${directory}/${name}`)),
  );
  return images.filter((image) => image !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The image of this normal name, ready to be run. */
export async function loadedImage(directory: string, name: string): Promise<{ image: Image; id: string } | undefined> {
  const folder = folderOf(directory, name);
  const loaded = await readImage(folder);
  return loaded && { image: imageOf(loaded, `${folder}/rootfs`), id: `${name.split(/:[^/]*$|@/)[0]}@${loaded.id}` };
}

function imageOf(loaded: LoadedImage, base: string): Image {
  const { entrypoint, cmd, env, workingDir, user, sizeBytes } = loaded;
  return {
    name: `${loaded.name}@${loaded.id}`,
    sizeBytes,
    contents: async () => ({ base, binds: [], links: [] }),
    command(asked) {
      const words = commandLine(asked, { entrypoint, cmd });
      if (words.length === 0) throw new StartError('no command specified');
      return words;
    },
    env: { PATH, ...env },
    workingDir,
    user,
  };
}

async function readImage(folder: string): Promise<LoadedImage | undefined> {
  const text = await readFile(`${folder}/image.json`, 'utf8').catch(ifThere(undefined));
  return text === undefined ? undefined : (JSON.parse(text) as LoadedImage);
}

/** `value` for what is not there; all other errors go on. */
function ifThere<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code !== 'ENOENT') throw error;
    return value;
  };
}
