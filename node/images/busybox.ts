// The images `busybox` (all tools in one program, from Debian's busybox-static) and `pause` (which does nothing).
import { access, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { check } from '../../host/exec.ts';
import { ImageError } from '../runtime.ts';
import { commandLine, type Image, type ImageContents, PATH } from './image.ts';
import { machineFiles } from './machine-files.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox'];

/** Makes DIRECTORY/images/busybox/bin once: an empty file to bind the program to, and a link for each of its tools. */
async function prepareBin(directory: string, program: string): Promise<string> {
  const bin = `${directory}/images/busybox`;
  if (await exists(bin)) return bin;
  await mkdir(`${directory}/images`, { recursive: true });
  const made = await mkdtemp(`${bin}.`);
  await writeFile(`${made}/busybox`, '', { mode: 0o755 });
  const tools = (await check([program, '--list'])).split('\n').filter((tool) => tool && tool !== 'busybox');
  await Promise.all(tools.map((tool) => symlink('busybox', `${made}/${tool}`)));
  await rename(made, bin).catch(async (error: NodeJS.ErrnoException) => {
    await rm(made, { recursive: true, force: true }); // another container's start was faster
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return bin;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function contents(directory: string): Promise<ImageContents> {
  for (const program of BUSYBOX) {
    if (!(await exists(program))) continue;
    const bin = await prepareBin(directory, program);
    return {
      binds: [
        { from: bin, to: '/bin' },
        { from: program, to: '/bin/busybox' },
      ],
      links: [
        ['bin', '/sbin'],
        ['/bin', '/usr/bin'],
        ['/bin', '/usr/sbin'],
      ],
    };
  }
  throw new ImageError('the image "busybox" needs the machine\'s busybox: install the package busybox-static');
}

export const busybox: Image = {
  name: 'busybox',
  sizeBytes: 0,
  contents,
  command: (asked) => commandLine(asked, { entrypoint: [], cmd: ['sh'] }),
  env: { PATH },
};

/** Perl, not `sleep`: as process 1 it must ask for the signals it ends by, and see off processes whose parents have ended. */
const PAUSE = '$SIG{TERM} = $SIG{INT} = sub { exit 0 }; $SIG{CHLD} = q(IGNORE); sleep 3600 while 1';

export const pause: Image = {
  name: 'pause',
  sizeBytes: 0,
  contents: () => machineFiles(),
  command: (asked) => commandLine(asked, { entrypoint: ['/usr/bin/perl', '-e', PAUSE], cmd: [] }),
  env: { PATH },
  user: '65535:65535',
};
