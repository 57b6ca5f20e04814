// `vitrine lab controllers`: the controllers, loaded while the API server still starts: they begin when their kubeconfig appears.
import { controllers as standalone } from '../controllers/main.ts';
import { type Program, program } from '../host/program.ts';
import { fileAppears } from './ready.ts';

export const controllers: Program = program({
  ...standalone,
  name: 'lab controllers',
  summary: 'runs the controllers as soon as their kubeconfig exists',
  async run(values, context) {
    await fileAppears(values.kubeconfig, context.signal);
    return standalone.run(values, context);
  },
}) as Program;
