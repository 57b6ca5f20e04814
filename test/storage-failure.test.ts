// A store that takes no more writes ends the server: nobody should be served by one that forgets.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type ServerProcess, startServerProcess } from './harness/apiserver.ts';

const mount = mkdtempSync(join(tmpdir(), 'vitrine-full-disk-'));
let server: ServerProcess | undefined;
afterEach(async () => {
  await server?.stop();
  rmSync(mount, { recursive: true, force: true });
});

/** Resolves with the answer's code; rejects when there is no answer. */
function createConfigMap({ url, token, ca }: ServerProcess, name: string, data: string): Promise<number> {
  const body = JSON.stringify({ metadata: { name }, data: { data } });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const path = `${url}/api/v1/namespaces/default/configmaps`;
  return new Promise((resolve, reject) => {
    const sent = request(path, { method: 'POST', headers, ca }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
    });
    sent.on('error', reject).end(body);
  });
}

it('a full disk ends the server with exit code 1 and one line that says why', async () => {
  const script = 'mount -t tmpfs -o size=6m store "$0" && head -c 3500k /dev/zero > "$0/ballast" && exec "$@"';
  const within = ['unshare', '-Urm', 'sh', '-c', script, mount];
  server = await startServerProcess({ dataDir: join(mount, 'data'), within });
  const codes: number[] = [];
  while (codes.at(-1) !== 500) codes.push(await createConfigMap(server, `c${codes.length}`, 'x'.repeat(200_000)));
  expect(codes.slice(0, -1)).toEqual(codes.slice(0, -1).map(() => 201));
  expect(codes.length).toBeGreaterThan(2);
  expect(await server.exited).toBe(1);
  const lines = server.said().trim().split('\n');
  expect(lines.at(-1)).toMatch(
    /^vitrine apiserver: stopped: the store takes no more writes: .*No space left on device/,
  );
});
