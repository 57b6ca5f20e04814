import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

it.each(['/healthz', '/livez', '/readyz'])(
  '%s says why, from the moment the store takes no more writes',
  async (path) => {
    let problem: string | undefined;
    server = await startTestServer({ storeProblem: () => problem });
    expect(await server.ask('GET', path)).toMatchObject({ status: 200, body: 'ok' });
    problem = 'the store takes no more writes: No space left on device';
    const { status, body } = await server.ask('GET', path);
    expect(status).toBe(500);
    expect(body).toContain(`[-]etcd failed: ${problem}\n${path.slice(1)} check failed`);
    expect((await server.ask('GET', `${path}/ping`)).status).toBe(200);
  },
);

it('leaves out of the verdict what a client does not want in it, and says so', async () => {
  server = await startTestServer({ storeProblem: () => 'full' });
  expect(await server.ask('GET', '/readyz?exclude=etcd')).toMatchObject({ status: 200, body: 'ok' });
  const { body } = await server.ask('GET', '/readyz?exclude=etcd&exclude=none&verbose');
  expect(body).toMatch(/^\[\+\]ping ok\n/);
  expect(body).toContain('[+]etcd excluded: ok\n');
  expect(body).toMatch(/\nwarn: some health checks cannot be excluded: no matches for "none"\nreadyz check passed\n$/);
});
