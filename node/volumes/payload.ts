// The files of configMap, secret, downwardAPI and projected volumes, from what the API server holds (upstream pkg/volume/configmap,
// secret, downwardapi, projected).
import { isReason } from '../../api/status.ts';
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { type PodFacts, podField, resourceField } from '../pods/downward-api.ts';
import type { Payload } from './atomic-writer.ts';

export interface PayloadOptions {
  readonly client: Client;
  readonly pod: Pod;
  readonly facts: PodFacts;
  /** A token for the pod's service account that is good for a while yet. */
  token(projection: ServiceAccountTokenProjection): Promise<string>;
}

interface Source {
  readonly defaultMode: number;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

/** Undefined when the volume is of another kind. Rejects with the reason why it cannot be mounted (yet). */
export async function volumePayload(options: PayloadOptions, volume: Volume): Promise<Payload | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    const { name = '', defaultMode = 0o644, ...rest } = configMap;
    return configMapFiles(options, name, { defaultMode, ...rest });
  }
  if (secret) {
    const { secretName = '', defaultMode = 0o644, ...rest } = secret;
    return secretFiles(options, secretName, { defaultMode, ...rest });
  }
  if (downwardAPI) return downwardFiles(options, downwardAPI.items, downwardAPI.defaultMode ?? 0o644);
  if (!projected) return undefined;
  const parts = await Promise.all(
    (projected.sources ?? []).map((source) => projectionFiles(options, source, projected.defaultMode ?? 0o644)),
  );
  return new Map(parts.flatMap((part) => [...part]));
}

async function projectionFiles(
  options: PayloadOptions,
  source: VolumeProjection,
  defaultMode: number,
): Promise<Payload> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) return configMapFiles(options, configMap.name ?? '', { defaultMode, ...configMap });
  if (secret) return secretFiles(options, secret.name ?? '', { defaultMode, ...secret });
  if (downwardAPI) return downwardFiles(options, downwardAPI.items, defaultMode);
  if (!serviceAccountToken) throw new Error(`projection source is not supported: ${Object.keys(source).join(', ')}`);
  const token = await options.token(serviceAccountToken);
  return new Map([[serviceAccountToken.path, { content: Buffer.from(token), mode: defaultMode }]]);
}

async function configMapFiles({ client, pod }: PayloadOptions, name: string, source: Source): Promise<Payload> {
  const at = { name, namespace: pod.metadata.namespace };
  const found = await client.get(configMaps, at).catch(absent<ConfigMap>('configmap', name, source));
  const entries = [
    ...Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(found?.binaryData ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ];
  return chosen(new Map(entries), source, (key) => `configmap references non-existent config key: ${key}`);
}

async function secretFiles({ client, pod }: PayloadOptions, name: string, source: Source): Promise<Payload> {
  const at = { name, namespace: pod.metadata.namespace };
  const found = await client.get(secrets, at).catch(absent<Secret>('secret', name, source));
  const entries = Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
  return chosen(new Map(entries), source, (key) => `references non-existent secret key: ${key}`);
}

/** All keys, or those asked for, at their paths. */
export function chosen(
  data: ReadonlyMap<string, Buffer>,
  { items, defaultMode, optional }: Source,
  missing: (key: string) => string,
): Payload {
  if (!items?.length) return new Map([...data].map(([key, content]) => [key, { content, mode: defaultMode }]));
  const files = new Map<string, { content: Buffer; mode: number }>();
  for (const { key, path, mode } of items) {
    const content = data.get(key);
    if (content) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) throw new Error(missing(key));
  }
  return files;
}

function downwardFiles(
  { pod, facts }: PayloadOptions,
  items: readonly DownwardAPIVolumeFile[] = [],
  defaultMode: number,
): Payload {
  return new Map(
    items.map(({ path, mode, fieldRef, resourceFieldRef }) => {
      const text = fieldRef
        ? podField(pod, fieldRef.fieldPath, facts)
        : resourceField(pod, resourceFieldRef!, undefined, facts);
      return [path, { content: Buffer.from(text), mode: mode ?? defaultMode }];
    }),
  );
}

function absent<T>(what: string, name: string, { optional }: Source): (error: unknown) => T | undefined {
  return (error) => {
    if (!isReason(error, 'NotFound')) throw error;
    if (optional) return undefined;
    throw new Error(`${what} "${name}" not found`);
  };
}
