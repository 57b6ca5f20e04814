import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { inClusterConnection } from './in-cluster.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitrine-in-cluster-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('says what it misses, or where the server is', async () => {
  await expect(inClusterConnection({}, folder)).rejects.toThrow('not in a pod');
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  await expect(inClusterConnection(env, folder)).rejects.toThrow('no ServiceAccount in this pod');
  writeFileSync(join(folder, 'ca.crt'), 'PEM');
  expect(await inClusterConnection(env, folder)).toMatchObject({
    server: 'https://[fd00::1]:443',
    ca: Buffer.from('PEM'),
    tokenFile: join(folder, 'token'),
  });
});
