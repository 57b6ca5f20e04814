import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkGRPC, encodeRequest, servingStatus } from './grpc.ts';

let server: Http2Server;
let port: number;
/** service → what the server answers: a serving status, or a gRPC error code below zero. */
const answers: Record<string, number> = { '': 1, bad: 2, none: -12, broken: -14 };

beforeEach(async () => {
  server = createServer();
  server.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const service = Buffer.concat(chunks).subarray(7).toString();
      if (service === 'silent') return;
      const answer = answers[service];
      if (answer < 0) {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': -answer },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, answer]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => void server.close());

it.each([
  ['', undefined],
  ['bad', 'service unhealthy (responded with "NOT_SERVING")'],
  ['none', 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)'],
  ['broken', 'error: health rpc probe failed: rpc error: code = 14'],
])('service %j: %s', async (service, expected) => {
  expect(await checkGRPC({ host: '127.0.0.1', port, service }, 2000)).toBe(expected);
});

it('gives up in time, and tells a closed port', async () => {
  expect(await checkGRPC({ host: '127.0.0.1', port, service: 'silent' }, 50)).toContain('within 0.05s');
  expect(await checkGRPC({ host: '127.0.0.1', port: 1, service: '' }, 2000)).toContain('failed to connect');
});

it('writes and reads its messages', () => {
  expect([...encodeRequest('')]).toEqual([0, 0, 0, 0, 0]);
  expect([...encodeRequest('ab')]).toEqual([0, 0, 0, 0, 4, 10, 2, 97, 98]);
  expect(servingStatus(Buffer.from([0, 0, 0, 0, 0]))).toBe('UNKNOWN');
});
