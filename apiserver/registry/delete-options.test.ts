// DeleteOptions in every encoding that a body may have, and what makes no sense in them.
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../server.harness.ts';

const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** What client-go sends: `k8s\0`, then runtime.Unknown with its TypeMeta and the message. */
function inProtobuf(message: Buffer): string {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  const type = Buffer.concat([field(1, Buffer.from('v1')), field(2, Buffer.from('DeleteOptions'))]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, message)]).toString('latin1');
}

/** `preconditions: {uid: "no"}`: field 2, of which field 1. */
const OTHER_UID = Buffer.from([0x12, 4, 0x0a, 2, 0x6e, 0x6f]);

describe('DeleteOptions', () => {
  it.each([
    ['protobuf', inProtobuf(OTHER_UID), PROTOBUF, 409],
    ['empty protobuf', inProtobuf(Buffer.alloc(0)), PROTOBUF, 200],
    ['YAML', 'kind: DeleteOptions\npreconditions: {uid: other}\n', 'application/yaml', 409],
    [
      'JSON',
      '{"apiVersion":"apps/v1","kind":"DeleteOptions","preconditions":{"uid":"other"}}',
      'application/json',
      409,
    ],
    ['preconditions that are none', '{"preconditions":"x"}', 'application/json', 400],
    ['dryRun that is no list', '{"dryRun":5}', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['another kind', '{"kind":"Pod"}', 'application/json', 400],
    ['protobuf that is none', 'k8s', PROTOBUF, 400],
    ['another media type', '{}', 'text/html', 415],
  ])('in %s', async (_name, body, contentType, status) => {
    const server = await startTestServer();
    await server.ask('POST', CONFIGMAPS, { body: { metadata: { name: 'one' } } });
    const reply = await server.ask('DELETE', `${CONFIGMAPS}/one`, { body, contentType });
    await server.close();
    expect(reply.status, JSON.stringify(reply.body)).toBe(status);
  });
});
