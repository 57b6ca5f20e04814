// Warnings quote what a user wrote, whatever that is; a header takes bytes, and not all of them.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect, it } from 'vitest';
import { startTestServer } from '../server.harness.ts';

const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const UNKNOWN = '299 - "unknown field \\"💩ÿ\\""';

it('are sent in UTF-8, over HTTP/1.1 and HTTP/2', async () => {
  const server = await startTestServer();
  const body = '{"metadata":{"generateName":"a-"},"💩ÿ\\u007f":1}';
  const { headers, status } = await server.ask('POST', CONFIGMAPS, { body });
  expect(status).toBe(201);
  expect(Buffer.from(`${headers.warning}`, 'latin1').toString()).toBe(UNKNOWN);

  const session = connect(server.url, { ca: server.caCert });
  const stream = session.request({
    ':method': 'POST',
    ':path': CONFIGMAPS,
    authorization: `Bearer ${server.token}`,
    'content-type': 'application/json',
  });
  stream.end(body);
  const [answer] = await once(stream, 'response');
  stream.resume();
  await once(stream, 'end');
  expect(answer[':status']).toBe(201);
  expect(Buffer.from(`${answer.warning}`, 'latin1').toString()).toBe(UNKNOWN);
  session.close();
  await server.close();
});
