// `vitrine image load|list|remove`: images of a lab that are not built in. The nodes find them the moment they are there.
import * as z from 'zod';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { addLoadedImage, listLoadedImages, removeLoadedImage } from '../node/images/loaded.ts';
import { checkReference, normalReference } from '../node/images/reference.ts';
import { BadImageError, digestOf, unpackImage } from '../node/images/unpack.ts';
import { ImageError } from '../node/runtime.ts';
import { type Directory, directoryAt, dirFlag, makeDirectory } from './directory.ts';

export const image: Program = program({
  name: 'image',
  summary: "loads, lists and removes a lab's images",
  usage: 'load NAME FILE | list | remove NAME',
  flags: {
    dir: dirFlag,
    output: { type: z.enum(['table', 'json'], 'is table or json').default('table'), help: 'table or json (of list)' },
  },
  async run({ dir, output }, { positionals }) {
    const directory = directoryAt(dir);
    const [verb, ...words] = positionals;
    if (verb === 'load' && words.length === 2) await load(directory, words[0], words[1]);
    else if (verb === 'list' && words.length === 0) await list(directory, output);
    else if (verb === 'remove' && words.length === 1) await remove(directory, words[0]);
    else throw new UsageError('say: image load NAME FILE, image list, or image remove NAME');
    return 0;
  },
}) as Program;

async function load(directory: Directory, word: string, file: string): Promise<void> {
  const name = checkedName(word);
  await makeDirectory(directory);
  try {
    const { sizeBytes } = await addLoadedImage(directory.images, name, async (rootfs) => {
      const id = await digestOf(file);
      return { ...(await unpackImage(file, rootfs)), id };
    });
    process.stdout.write(`${name} loaded, ${mebibytes(sizeBytes)}\n`);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (error instanceof BadImageError) throw new UsageError(message, 1);
    if (['ENOENT', 'EISDIR', 'EACCES'].includes(code)) throw new UsageError(`cannot read ${file}: ${message}`, 1);
    throw error;
  }
}

async function list(directory: Directory, output: 'table' | 'json'): Promise<void> {
  const images = await listLoadedImages(directory.images);
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
    return;
  }
  const width = Math.max(5, ...images.map(({ name }) => name.length));
  process.stdout.write(`${'IMAGE'.padEnd(width)}  SIZE\n`);
  for (const { name, sizeBytes } of images) {
    process.stdout.write(`${name.padEnd(width)}  ${mebibytes(sizeBytes)}\n`);
  }
}

async function remove(directory: Directory, word: string): Promise<void> {
  const name = checkedName(word);
  if (!(await removeLoadedImage(directory.images, name))) throw new UsageError(`no image ${name}`, 1);
  process.stdout.write(`${name} removed\n`);
}

function checkedName(word: string): string {
  try {
    checkReference(word);
    return normalReference(word);
  } catch (error) {
    if (error instanceof ImageError) throw new UsageError(`not a name of an image: ${word}`);
    throw error;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
