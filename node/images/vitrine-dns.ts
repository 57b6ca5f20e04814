// The image `vitrine-dns`: cluster DNS, this very program's own.
import { access, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ImageError } from '../runtime.ts';
import { commandLine, type Image, PATH } from './image.ts';
import { machineFiles } from './machine-files.ts';

const NODE = '/opt/node';
const HOME = '/opt/vitrine';

/** Where what was built is: beside the command that runs us. */
async function builtAt(): Promise<string> {
  const root = dirname(dirname(await realpath(process.argv[1])));
  await access(`${root}/dist/vitrine.cjs`).catch(() => {
    throw new ImageError('the image "vitrine-dns" is there only where `vitrine` runs as it was built');
  });
  return root;
}

export const vitrineDns: Image = {
  name: 'vitrine-dns',
  sizeBytes: 0,
  async contents() {
    const [{ binds, links }, root] = await Promise.all([machineFiles(), builtAt()]);
    const own = ['bin', 'dist'].map((folder) => ({ from: `${root}/${folder}`, to: `${HOME}/${folder}` }));
    return { binds: [...binds, { from: process.execPath, to: NODE }, ...own], links };
  },
  command: (asked) => commandLine(asked, { entrypoint: [NODE, `${HOME}/bin/vitrine`, 'dns'], cmd: [] }),
  announces: true,
  env: { PATH },
};
