// Serving where somebody else still listens.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveWhenFree } from './health.ts';
import { ManualClock } from './sync.stand-ins.ts';

let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

it('serves as soon as the address is free', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const clock = new ManualClock();
  const failures: string[] = [];
  const answers = { '/healthz': (_: unknown, response: { end(body: string): void }) => response.end('ok') };
  const failed = ({ message }: Error): void => void failures.push(message);
  const serving = serveWhenFree(address, answers, { signal: stop.signal, failed, clock });
  const sleep = await clock.sleeps.take();
  expect(failures).toEqual([expect.stringContaining('EADDRINUSE')]);
  other.close();
  await once(other, 'close');
  sleep.wake();
  await serving;
  expect(await (await fetch(`http://${address}/healthz`)).text()).toBe('ok');
});

it('does not try again when that is the end', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const failed = (error: Error): void => {
    throw error;
  };
  const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  await expect(serveWhenFree(address, {}, { signal: stop.signal, failed })).rejects.toThrow('EADDRINUSE');
  other.close();
});
