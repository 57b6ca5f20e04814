import { describe, expect, it } from 'vitest';
import openapi from '../facts/openapi-schemas.json' with { type: 'json' };
import type { Definitions } from '../schema/openapi-node.ts';
import { Schemas } from '../schema/resolve.ts';
import { decodeMessage, openEnvelope } from './decode.ts';
import { ProtobufError } from './wire.ts';

const schemas = new Schemas(openapi as unknown as Definitions);
const core = (name: string) => schemas.schemaOf(`io.k8s.api.core.v1.${name}`);

/** A length-delimited field: tag, length, content. */
const field = (number: number, ...content: (Buffer | string)[]): Buffer => {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const varint = (number: number, value: number): Buffer => Buffer.from([number << 3, value]);

describe('protobuf bodies', () => {
  it('open to what is inside the envelope', () => {
    const typeMeta = field(1, field(1, 'v1'), field(2, 'Service'));
    const body = Buffer.concat([Buffer.from('k8s\0'), typeMeta, field(2, 'raw')]);
    expect(openEnvelope(body)).toEqual({ apiVersion: 'v1', kind: 'Service', raw: Buffer.from('raw') });
    expect(() => openEnvelope(Buffer.from('{"kind":"Service"}'))).toThrow(ProtobufError);
  });

  it('become the value that JSON would be', () => {
    const intPort = field(4, varint(1, 0), Buffer.from([2 << 3, 0x90, 0x3f])); // IntOrString 8080
    const port = field(1, field(2, 'TCP'), varint(3, 80), intPort, varint(5, 0));
    const spec = field(2, port, field(2, field(1, 'app'), field(2, 'web')), field(3, '10.96.0.9'));
    expect(decodeMessage(core('Service'), Buffer.concat([field(1, field(1, 'web')), spec]))).toEqual({
      metadata: { name: 'web' },
      spec: {
        ports: [{ protocol: 'TCP', port: 80, targetPort: 8080, nodePort: 0 }],
        selector: { app: 'web' },
        clusterIP: '10.96.0.9',
      },
    });
  });

  it('carry bytes, quantities, times and structs that JSON embeds', () => {
    expect(decodeMessage(core('Secret'), field(2, field(1, 'a'), field(2, 'b')))).toEqual({ data: { a: 'Yg==' } });
    expect(decodeMessage(core('ResourceQuotaSpec'), field(1, field(1, 'cpu'), field(2, field(1, '1500m'))))).toEqual({
      hard: { cpu: '1500m' },
    });
    const secretVolume = field(2, field(6, field(1, 'keys')));
    expect(decodeMessage(core('Volume'), Buffer.concat([field(1, 'v'), secretVolume]))).toEqual({
      name: 'v',
      secret: { secretName: 'keys' },
    });
    const meta = schemas.schemaOf('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
    expect(decodeMessage(meta, field(8))).toEqual({ creationTimestamp: null });
    expect(decodeMessage(meta, field(8, varint(1, 60)))).toEqual({ creationTimestamp: '1970-01-01T00:01:00Z' });
  });

  it('are refused when torn', () => {
    const whole = field(1, field(1, 'web'));
    for (let length = 1; length < whole.length; length++) {
      expect(() => decodeMessage(core('Service'), whole.subarray(0, length))).toThrow(ProtobufError);
    }
  });
});
