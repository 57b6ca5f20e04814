// hostPath volumes. The node they see is the lab's: a folder in which every path of a node lies, and which nothing leads out of.
import { chmod, lstat, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostPathVolumeSource } from '../../api/types/core.v1.ts';

/** What every node has: a /tmp for all, and the /etc/hosts it goes by itself. `hosts` is its text. */
export async function furnishHost(root: string, hosts: string): Promise<void> {
  await mkdir(`${root}/etc`, { recursive: true });
  await mkdir(`${root}/tmp`, { recursive: true });
  await chmod(`${root}/tmp`, 0o1777);
  if (!(await kindOf(`${root}/etc/hosts`))) await writeFile(`${root}/etc/hosts`, hosts);
}

/** The place of a hostPath below `root`. Rejects when it is not of the type asked for (upstream pkg/volume/hostpath). */
export async function hostPath(root: string, { path, type = '' }: HostPathVolumeSource): Promise<string> {
  if (path.split('/').includes('..')) throw new Error(`path must not contain '..': ${path}`);
  await mkdir(root, { recursive: true });
  const place = `${root}/${path}`.replace(/\/+/g, '/').replace(/\/$/, '');
  if (type === '' || type === 'DirectoryOrCreate') {
    if (!(await kindOf(place))) await mkdir(place, { recursive: true, mode: 0o755 });
  }
  if (type === 'FileOrCreate' && !(await kindOf(place))) {
    await mkdir(dirname(place), { recursive: true, mode: 0o755 });
    await writeFile(place, '', { mode: 0o644 });
  }
  const real = await realpath(place).catch(() => place);
  if (real !== root && !real.startsWith(`${await realpath(root)}/`))
    throw new Error(`${path} leads out of the node's files`);
  const wanted = WANTED[type];
  if (wanted && (await kindOf(real)) !== wanted) {
    throw new Error(`hostPath type check failed: ${path} is not a ${wanted}`);
  }
  return real;
}

const WANTED: Readonly<Record<string, string>> = {
  Directory: 'directory',
  DirectoryOrCreate: 'directory',
  File: 'file',
  FileOrCreate: 'file',
  Socket: 'socket',
  CharDevice: 'character device',
  BlockDevice: 'block device',
};

async function kindOf(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    return undefined;
  });
  if (!found) return undefined;
  if (found.isDirectory()) return 'directory';
  if (found.isFile()) return 'file';
  if (found.isSocket()) return 'socket';
  if (found.isSymbolicLink()) return 'link';
  return found.isCharacterDevice() ? 'character device' : 'block device';
}
