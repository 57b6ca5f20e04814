// The image `agnhost` (registry.k8s.io/e2e-test-images/agnhost): the sub-commands of it that tests of Services and pods use.
import { AGNHOST } from './agnhost-program.ts';
import { commandLine, type Image, PATH } from './image.ts';
import { machineFiles, writeProgram } from './machine-files.ts';

export const agnhost: Image = {
  name: 'agnhost',
  sizeBytes: 0,
  async contents(directory) {
    const { binds, links } = await machineFiles();
    return { binds: [...binds, { from: await writeProgram(directory, 'agnhost', AGNHOST), to: '/agnhost' }], links };
  },
  command: (asked) => commandLine(asked, { entrypoint: ['/agnhost'], cmd: ['pause'] }),
  env: { PATH: `${PATH}:/` },
};
