// How answers leave over HTTP/1.1.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { Http1Reply } from './reply.ts';

it.each([100, 20_000, 1_000_000])('has room for the next request when an answer of %d bytes ends', async (length) => {
  const full: boolean[] = [];
  const server = createServer((request, response) => {
    response.once('prefinish', () => full.push(request.socket.writableNeedDrain));
    new Http1Reply(request, response).send(200, { 'content-length': length }, Buffer.alloc(length, 'x'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await answer.text()).toBe('x'.repeat(length));
  expect(full).toEqual([false]);
  server.close();
  server.closeAllConnections();
});
