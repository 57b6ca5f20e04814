// Plays CoreDNS's recorded answers against `vitrine dns`, which reads the recorded cluster as it would from any API server.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeList } from '../../api/object.ts';
import { startDnsProcess } from '../harness/dns.ts';
import { type ObjectServer, serveObjects } from '../harness/object-server.ts';

const FOLDER = new URL('../golden/dns/', import.meta.url).pathname;
/** The one endpoint of the recorded `kube-dns`, which the server takes itself for. */
const OWN_ADDRESS = '10.244.0.10';

describe("CoreDNS's recorded answers", () => {
  let server: ObjectServer;

  beforeAll(async () => {
    const { items } = JSON.parse(readFileSync(`${FOLDER}objects.json`, 'utf8')) as KubeList;
    server = await serveObjects(items);
  });
  afterAll(() => server?.stop());

  it.each([
    ['insecure', 231],
    ['verified', 8],
    ['disabled', 3],
  ])('--pods %s: all %i', async (mode, count) => {
    const dns = await startDnsProcess(server.kubeconfig, ['--pods', mode, '--advertise-address', OWN_ADDRESS]);
    try {
      const argv = [`${FOLDER}ask.mjs`, dns.address, '--pods', mode];
      const { stdout } = await promisify(execFile)(process.execPath, argv).catch((error: { stdout: string }) => error);
      expect(stdout).toBe(`${count} passed, 0 failed\n`);
    } finally {
      await dns.stop();
    }
    expect(await dns.exited).toBe(0);
  });
});
