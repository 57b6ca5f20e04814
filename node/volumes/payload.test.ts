import { describe, expect, it } from 'vitest';
import { StatusError } from '../../api/status.ts';
import type { Pod, Volume } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { volumePayload } from './payload.ts';
import { volumeReferences } from './references.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const objects: Record<string, object> = {
  'ConfigMap/settings': { data: { a: '1', b: '2' }, binaryData: { c: base64('\u0003') } },
  'Secret/keys': { data: { key: base64('secret') } },
};
const client = {
  async get(resource: { kind: string }, { name }: { name: string }) {
    const found = objects[`${resource.kind}/${name}`];
    if (!found) throw StatusError.notFound(resource.kind === 'Secret' ? secrets : configMaps, name);
    return found;
  },
} as unknown as Client;
const pod: Pod = {
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', resources: { limits: { cpu: '2' } } }] },
};
const options = {
  client,
  pod,
  facts: { podIPs: ['10.0.0.1'], hostIPs: ['10.0.0.2'], allocatable: {} },
  token: async ({ audience = 'api' }) => `token for ${audience}`,
};

const seen = async (volume: Omit<Volume, 'name'>): Promise<Record<string, string>> => {
  const payload = await volumePayload(options, { name: 'v', ...volume });
  return Object.fromEntries([...payload!].map(([path, { content, mode }]) => [path, `${mode.toString(8)} ${content}`]));
};

it.each<[string, Omit<Volume, 'name'>, Record<string, string>]>([
  ['a ConfigMap', { configMap: { name: 'settings' } }, { a: '644 1', b: '644 2', c: '644 \u0003' }],
  [
    'some keys of it',
    {
      configMap: {
        name: 'settings',
        defaultMode: 0o600,
        items: [
          { key: 'b', path: 'x/y', mode: 0o400 },
          { key: 'a', path: 'a' },
        ],
      },
    },
    { 'x/y': '400 2', a: '600 1' },
  ],
  ['one that may be absent', { configMap: { name: 'none', optional: true } }, {}],
  [
    'a key that may be absent',
    { configMap: { name: 'settings', optional: true, items: [{ key: 'z', path: 'z' }] } },
    {},
  ],
  ['a Secret', { secret: { secretName: 'keys' } }, { key: '644 secret' }],
  [
    'the pod itself',
    {
      downwardAPI: {
        items: [
          { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
          { path: 'cpu', mode: 0o444, resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } },
        ],
      },
    },
    { labels: '644 app="web"', cpu: '444 2' },
  ],
  [
    'several at once',
    {
      projected: {
        defaultMode: 0o640,
        sources: [
          { configMap: { name: 'settings', items: [{ key: 'a', path: 'a' }] } },
          { secret: { name: 'keys' } },
          { serviceAccountToken: { path: 'token', audience: 'vault' } },
        ],
      },
    },
    { a: '640 1', key: '640 secret', token: '640 token for vault' },
  ],
])('shows %s', async (_what, volume, files) => {
  expect(await seen(volume)).toEqual(files);
});

it.each<[Omit<Volume, 'name'>, string]>([
  [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
  [{ secret: { secretName: 'none' } }, 'secret "none" not found'],
  [
    { configMap: { name: 'settings', items: [{ key: 'z', path: 'z' }] } },
    'configmap references non-existent config key: z',
  ],
  [{ secret: { secretName: 'keys', items: [{ key: 'z', path: 'z' }] } }, 'references non-existent secret key: z'],
])('%j fails: %s', async (volume, why) => {
  await expect(seen(volume)).rejects.toThrow(why);
});

describe('references of volumes', () => {
  it('are told once each', () => {
    const volumes: Volume[] = [
      { name: 'a', configMap: { name: 'settings' } },
      { name: 'b', projected: { sources: [{ configMap: { name: 'settings' } }, { secret: { name: 'keys' } }] } },
      { name: 'c', emptyDir: {} },
    ];
    expect(volumeReferences({ ...pod, spec: { ...pod.spec!, volumes } })).toEqual([
      { kind: 'ConfigMap', namespace: 'shop', name: 'settings' },
      { kind: 'Secret', namespace: 'shop', name: 'keys' },
    ]);
  });
});
