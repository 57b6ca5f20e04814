// The image `agnhost` (registry.k8s.io/e2e-test-images/agnhost): the sub-commands of it that tests of Services and pods use.
import { AGNHOST } from './agnhost-program.ts';
import { LOCALHOST_CERT, LOCALHOST_KEY, TLS_FRONT } from './agnhost-tls.ts';
import { commandLine, type Image, PATH } from './image.ts';
import { machineFiles, writeProgram } from './machine-files.ts';

export const agnhost: Image = {
  name: 'agnhost',
  sizeBytes: 0,
  async contents(directory) {
    const { binds, links } = await machineFiles();
    const from = await writeProgram(directory, 'agnhost', AGNHOST);
    // By its second name tests tell a command of their own from the image's.
    const own = [
      { from, to: '/agnhost' },
      { from, to: '/agnhost-2' },
      { from, to: '/nc' },
      { from: process.execPath, to: '/agnhost-node' },
      { from: await writeProgram(directory, 'agnhost-tls', TLS_FRONT), to: '/agnhost-tls' },
      { from: await writeProgram(directory, 'localhost.crt', LOCALHOST_CERT), to: '/localhost.crt' },
      { from: await writeProgram(directory, 'localhost.key', LOCALHOST_KEY), to: '/localhost.key' },
    ];
    return { binds: [...binds, ...own], links };
  },
  command: (asked) => commandLine(asked, { entrypoint: ['/agnhost'], cmd: ['pause'] }),
  env: { PATH: `${PATH}:/` },
};
