// The image `echo`: answers HTTP with who and where it is, and gives back whatever else it gets over TCP or UDP.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { ECHO } from './echo-program.ts';
import type { Image } from './image.ts';
import { machineFiles } from './machine-files.ts';

const PROGRAM = '/opt/echo';

async function prepareProgram(directory: string): Promise<string> {
  const path = `${directory}/images/echo`;
  await mkdir(`${directory}/images`, { recursive: true });
  const made = `${path}.${process.pid}`; // whole or not at all: a container may start from it at this moment
  await writeFile(made, ECHO, { mode: 0o755 });
  await rename(made, path);
  return path;
}

/** `port` is served when the container declares none. */
export function echo(port: number): Image {
  return {
    name: 'echo',
    async contents(directory) {
      const { binds, links } = await machineFiles();
      return { binds: [...binds, { from: await prepareProgram(directory), to: PROGRAM }], links };
    },
    command({ command, args, ports }) {
      if (command) return [...command, ...(args ?? [])];
      const served = ports.length > 0 ? ports : [port];
      return ['/usr/bin/perl', PROGRAM, ...new Set(served.map((one) => `-port=${one}`)), ...(args ?? [])];
    },
    announces: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  };
}
