// The images `busybox` (all tools in one program, from Debian's busybox-static) and `pause` (which does nothing).
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { check, run } from '../../host/exec.ts';
import { ImageError } from '../runtime.ts';
import { commandLine, type Image, type ImageContents, PATH } from './image.ts';
import { machineFiles } from './machine-files.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox'];

/**
 * `wget` where the machine's busybox was built without its time limit: there -T, which every lesson on network policies has, crashes
 * it (Debian's before 1.36.1-5). The limit is for all that wget does, as nobody but wget itself can limit each read.
 */
const WGET = `#!/bin/sh
limit=0 before=
for word; do
  shift
  case $before:$word in
    limit:*) limit=$word ;;
    :-T | :--timeout) before=limit; continue ;;
    :-qT) before=limit; set -- "$@" -q; continue ;;
    :-T*) limit=\${word#-T} ;;
    :-qT*) limit=\${word#-qT}; set -- "$@" -q ;;
    :--timeout=*) limit=\${word#*=} ;;
    *) set -- "$@" "$word" ;;
  esac
  before=
done
[ "$limit" != 0 ] || exec busybox-whole wget "$@"
timeout -s PIPE "$limit" busybox-whole wget "$@" # a signal whose victims sh passes over in silence
status=$?
[ $status != 141 ] || { echo 'wget: download timed out' >&2; exit 1; }
exit $status
`;

/** Makes DIRECTORY/images/busybox/bin once: an empty file to bind the program to, and a link for each of its tools. */
async function prepareBin(directory: string, program: string): Promise<string> {
  const bin = `${directory}/images/busybox`;
  if (await exists(bin)) return bin;
  await mkdir(`${directory}/images`, { recursive: true });
  const made = await mkdtemp(`${bin}.`);
  await writeFile(`${made}/busybox`, '', { mode: 0o755 });
  const tools = (await check([program, '--list'])).split('\n').filter((tool) => tool && tool !== 'busybox');
  await Promise.all(tools.map((tool) => symlink('busybox', `${made}/${tool}`)));
  const { stdout, stderr } = await run([program, 'wget', '--help']);
  if (!/^\s+-T /m.test(stdout + stderr)) await replaceWget(program, made);
  await rename(made, bin).catch(async (error: NodeJS.ErrnoException) => {
    await rm(made, { recursive: true, force: true }); // another container's start was faster
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return bin;
}

/**
 * Puts WGET in the place of `bin`'s wget. Busybox' shell prefers its own tools to those of the path, so `busybox` becomes a copy that
 * has none of this name; what the machine has is to be bound to `busybox-whole`.
 */
async function replaceWget(program: string, bin: string): Promise<void> {
  const bytes = await readFile(program);
  const name = bytes.indexOf('\0wget\0'); // in the list of its tools, which is sorted, and stays so
  if (name < 0) return;
  bytes.write('wgeT', name + 1);
  await writeFile(`${bin}/busybox`, bytes);
  await writeFile(`${bin}/busybox-whole`, '', { mode: 0o755 });
  await rm(`${bin}/wget`);
  await writeFile(`${bin}/wget`, WGET, { mode: 0o755 });
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
    const place = (await exists(`${bin}/busybox-whole`)) ? 'busybox-whole' : 'busybox';
    return {
      binds: [
        { from: bin, to: '/bin' },
        { from: program, to: `/bin/${place}` },
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
