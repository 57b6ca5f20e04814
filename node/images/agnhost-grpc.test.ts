// Our own gRPC probe asks our own health service.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkGRPC } from '../probes/grpc.ts';
import { AGNHOST } from './agnhost-program.ts';

let program: ChildProcess;
let ports: number[];

/** Two ports nobody listens on. */
async function freePorts(): Promise<number[]> {
  const servers = [createServer().listen(0), createServer().listen(0)];
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const found = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return found;
}

beforeAll(async () => {
  ports = await freePorts();
  const words = ['grpc-health-checking', '--service=db', `--port=${ports[0]}`, `--http-port=${ports[1]}`];
  program = spawn('perl', ['-e', AGNHOST, '--', ...words], { stdio: 'inherit' });
});
afterAll(async () => {
  program.kill('SIGKILL');
  await once(program, 'exit');
});

const check = (service: string): Promise<string | undefined> =>
  checkGRPC({ host: '127.0.0.1', port: ports[0], service }, 2000);

it('serves until it is told not to', async () => {
  await expect.poll(() => check('db'), { timeout: 10_000 }).toBeUndefined();
  expect(await check('other')).toBe('error: health rpc probe failed: rpc error: code = 5');
  await fetch(`http://127.0.0.1:${ports[1]}/make-not-serving`);
  await expect.poll(() => check('db')).toBe('service unhealthy (responded with "NOT_SERVING")');
  await fetch(`http://127.0.0.1:${ports[1]}/make-serving`);
  await expect.poll(() => check('db')).toBeUndefined();
});
