// The machine's own programs as an image's contents: /usr and what leads to it, read-only.
import { lstat, mkdir, readlink, rename, writeFile } from 'node:fs/promises';
import type { Bind } from './image.ts';

/**
 * /usr, and /bin, /lib, … as they are on this machine: links where it has merged them into /usr (Debian 12, Fedora), folders where
 * it has not.
 */
export async function machineFiles(): Promise<{ binds: Bind[]; links: [string, string][] }> {
  const binds: Bind[] = [{ from: '/usr', to: '/usr' }];
  const links: [string, string][] = [];
  for (const path of ['/bin', '/sbin', '/lib', '/lib64']) {
    const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (found?.isSymbolicLink()) links.push([await readlink(path), path]);
    else if (found?.isDirectory()) binds.push({ from: path, to: path });
  }
  return { binds, links };
}

/** Writes a program of ours for containers to be shown; whole or not at all, for one may start from it at this moment. */
export async function writeProgram(directory: string, name: string, text: string): Promise<string> {
  const path = `${directory}/images/${name}`;
  await mkdir(`${directory}/images`, { recursive: true });
  const made = `${path}.${process.pid}`;
  await writeFile(made, text, { mode: 0o755 });
  await rename(made, path);
  return path;
}
