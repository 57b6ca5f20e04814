// `vitrine lab forward`: runs in the gateway's network namespace and passes connections to the nodes' side of the API server's
// address on to the API server's unix socket, byte for byte: TLS ends at the server.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import * as z from 'zod';
import { aborted, UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';

export const forward: Program = program({
  name: 'lab forward',
  summary: 'passes TCP connections on to a unix socket',
  flags: {
    listen: { type: z.string().regex(/^[\d.]+:\d+$/, 'ADDRESS:PORT'), help: 'ADDRESS:PORT to listen on' },
    to: { type: z.string().min(1), help: 'path of the unix socket' },
  },
  async run({ listen, to }, { signal, log }) {
    const [host, port] = listen.split(':');
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connect({ path: to, allowHalfOpen: true });
      for (const socket of [near, far]) {
        open.add(socket);
        socket.once('close', () => open.delete(socket));
      }
      // One side broken means the other is of no use: both are closed, and the client asks again.
      near.on('error', () => far.destroy());
      far.on('error', (error) => {
        log.debug({ err: error }, 'the API server cannot be reached');
        near.destroy();
      });
      near.pipe(far).pipe(near);
    });
    server.listen({ host, port: Number(port) });
    await once(server, 'listening').catch((error: Error) => {
      throw new UsageError(`cannot listen on ${listen}: ${error.message}`, 1);
    });
    await aborted(signal);
    for (const socket of open) socket.destroy();
    server.close();
    return 0;
  },
}) as Program;
