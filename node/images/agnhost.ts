// The image `agnhost` (registry.k8s.io/e2e-test-images/agnhost): the sub-commands of it that tests of Services and pods use.
import { AGNHOST } from './agnhost-program.ts';
import { commandLine, type Image, PATH } from './image.ts';
import { machineFiles, writeProgram } from './machine-files.ts';

export const agnhost: Image = {
  name: 'agnhost',
  sizeBytes: 0,
  async contents(directory) {
    const { binds, links } = await machineFiles();
    const from = await writeProgram(directory, 'agnhost', AGNHOST);
    // By its second name tests tell a command of their own from the image's.
    return { binds: [...binds, { from, to: '/agnhost' }, { from, to: '/agnhost-2' }], links };
  },
  command: (asked) => commandLine(asked, { entrypoint: ['/agnhost'], cmd: ['pause'] }),
  env: { PATH: `${PATH}:/` },
};
