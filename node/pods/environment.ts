// A container's environment as its spec describes it (upstream pkg/kubelet/kubelet_pods.go makeEnvironmentVariables): values,
// $(references), fields of the pod, keys of ConfigMaps and Secrets.
import { isReason } from '../../api/status.ts';
import type { ConfigMap, Container, EnvVar, Pod, Secret } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';

/** Why a container cannot be made: shown as `CreateContainerConfigError`. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** What only the agent knows of a pod. */
export interface PodFacts {
  readonly podIP: string;
  readonly hostIP: string;
}

/** What every container is told without asking: the built-in images answer with it. The pod's own variables win. */
export function ownEnvironment(pod: Pod, { podIP }: PodFacts): Record<string, string> {
  return {
    POD_NAME: pod.metadata.name,
    POD_NAMESPACE: pod.metadata.namespace ?? 'default',
    POD_IP: podIP,
    NODE_NAME: pod.spec?.nodeName ?? '',
  };
}

export async function containerEnvironment(
  client: Client,
  pod: Pod,
  container: Container,
  facts: PodFacts,
): Promise<Record<string, string>> {
  const result: Record<string, string> = ownEnvironment(pod, facts);
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? '';
    const found = source.configMapRef
      ? await configMapData(client, pod, source.configMapRef)
      : source.secretRef
        ? await secretData(client, pod, source.secretRef)
        : {};
    for (const [key, value] of Object.entries(found)) result[prefix + key] = value;
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(client, pod, variable, facts, result);
    if (value !== undefined) result[variable.name] = value;
  }
  return result;
}

async function variableValue(
  client: Client,
  pod: Pod,
  { value, valueFrom }: EnvVar,
  facts: PodFacts,
  known: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (!valueFrom) return expand(value ?? '', known);
  if (valueFrom.fieldRef) return podField(pod, valueFrom.fieldRef.fieldPath, facts);
  const { configMapKeyRef, secretKeyRef } = valueFrom;
  const reference = configMapKeyRef ?? secretKeyRef;
  if (!reference) throw new ConfigError('only fieldRef, configMapKeyRef and secretKeyRef are supported in valueFrom');
  const found = configMapKeyRef
    ? await configMapData(client, pod, configMapKeyRef)
    : await secretData(client, pod, reference);
  if (Object.hasOwn(found, reference.key)) return found[reference.key];
  if (reference.optional) return undefined;
  const what = configMapKeyRef ? 'ConfigMap' : 'Secret';
  throw new ConfigError(`couldn't find key ${reference.key} in ${what} ${pod.metadata.namespace}/${reference.name}`);
}

/** `$(NAME)` → its value when known, itself when not; `$$` → `$` (third_party/forked/golang/expansion). */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    return Object.hasOwn(known, name) ? known[name] : whole;
  });
}

/** The downward API's fields of a pod. */
export function podField(pod: Pod, path: string, { podIP, hostIP }: PodFacts): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName ?? 'default',
    'status.hostIP': hostIP,
    'status.hostIPs': hostIP,
    'status.podIP': podIP,
    'status.podIPs': podIP,
  };
  if (!Object.hasOwn(fields, path)) throw new ConfigError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? '';
}

interface Reference {
  name?: string;
  optional?: boolean;
}

async function configMapData(client: Client, pod: Pod, reference: Reference): Promise<Record<string, string>> {
  const at = { name: reference.name ?? '', namespace: pod.metadata.namespace };
  const found: ConfigMap = await client.get(configMaps, at).catch((error) => absent(error, 'configmap', reference));
  return { ...found.data };
}

async function secretData(client: Client, pod: Pod, reference: Reference): Promise<Record<string, string>> {
  const at = { name: reference.name ?? '', namespace: pod.metadata.namespace };
  const found: Secret = await client.get(secrets, at).catch((error) => absent(error, 'secret', reference));
  const entries = Object.entries(found.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

function absent(error: unknown, what: string, { name = '', optional }: Reference): { metadata: { name: string } } {
  if (!isReason(error, 'NotFound')) throw error;
  if (optional) return { metadata: { name } };
  throw new ConfigError(`${what} "${name}" not found`);
}
