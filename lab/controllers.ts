// `vitrine lab controllers`: the controllers, loaded while the API server still starts: they begin when their kubeconfig appears.
import { createServer } from 'node:http';
import { controllers as standalone } from '../controllers/main.ts';
import { type Program, program } from '../host/program.ts';
import { type Endpoint, endpointFlag } from './flags.ts';
import { fileAppears } from './ready.ts';

export const controllers: Program = program({
  ...standalone,
  name: 'lab controllers',
  summary: 'runs the controllers as soon as their kubeconfig exists',
  flags: {
    ...standalone.flags,
    'healthz-bind-address': {
      type: endpointFlag.optional(),
      help: 'ADDRESS:PORT of /healthz, answered while they run (default: none)',
    },
  },
  async run(values, context) {
    await fileAppears(values.kubeconfig, context.signal);
    const stopAnswering = answerHealth(values['healthz-bind-address']);
    try {
      return await standalone.run(values, context);
    } finally {
      stopAnswering();
    }
  },
}) as Program;

/** Returns what ends it. A port that is taken ends the program. */
function answerHealth(at: Endpoint | undefined): () => void {
  if (!at) return () => {};
  const server = createServer((req, res) => {
    res.statusCode = req.url === '/healthz' ? 200 : 404;
    res.end(res.statusCode === 200 ? 'ok' : 'not found');
  });
  server.listen(at);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
