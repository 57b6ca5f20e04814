import { expect, it } from 'vitest';
import { startTestServer } from '../server.harness.ts';

const FOLDER = '/api/v1/namespaces/default/configmaps';
const INTERVAL_MS = 50;

it('lets the token of a page run out, also where nobody writes, and offers one that goes on with what is there now', async () => {
  const server = await startTestServer({ compactionIntervalMs: INTERVAL_MS });
  for (const name of ['a', 'b', 'c']) await server.ask('POST', FOLDER, { body: { metadata: { name } } });
  const { body: first } = await server.ask('GET', `${FOLDER}?limit=1`);
  const next = (token: string) => server.ask('GET', `${FOLDER}?limit=1&continue=${token}`);
  const expired = await expect
    .poll(() => next(first.metadata.continue), { interval: INTERVAL_MS, timeout: 10_000 })
    .toMatchObject({ status: 410, body: { reason: 'Expired' } })
    .then(() => next(first.metadata.continue));
  const { status, body } = await next(expired.body.metadata.continue);
  expect(status).toBe(200);
  expect(body.items).toMatchObject([{ metadata: { name: 'b' } }]);
  await server.close();
});
