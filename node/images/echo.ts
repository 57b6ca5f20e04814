// The image `echo`: answers HTTP with who and where it is, and gives back whatever else it gets over TCP or UDP.
import { ECHO } from './echo-program.ts';
import { type Image, PATH } from './image.ts';
import { machineFiles, writeProgram } from './machine-files.ts';

const PROGRAM = '/opt/echo';

/** `port` is served when the container declares none; `words` are told to the program before the container's own. */
export function echo(port: number, words: readonly string[] = []): Image {
  return {
    name: 'echo',
    sizeBytes: 0,
    async contents(directory) {
      const { binds, links } = await machineFiles();
      return { binds: [...binds, { from: await writeProgram(directory, 'echo', ECHO), to: PROGRAM }], links };
    },
    command({ command, args, ports }) {
      if (command) return [...command, ...(args ?? [])];
      const served = ports.length > 0 ? ports : [port];
      return ['/usr/bin/perl', PROGRAM, ...new Set(served.map((one) => `-port=${one}`)), ...words, ...(args ?? [])];
    },
    announces: true,
    env: { PATH },
  };
}
