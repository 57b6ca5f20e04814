// A container's environment as its spec describes it (upstream pkg/kubelet/kubelet_pods.go makeEnvironmentVariables): values,
// $(references), fields of the pod, keys of ConfigMaps and Secrets, and the Services there are.
import { isReason } from '../../api/status.ts';
import type { ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { ConfigError, type PodFacts, podField, resourceField } from './downward-api.ts';

export interface EnvironmentOptions {
  readonly client: Client;
  readonly pod: Pod;
  readonly container: Container;
  readonly facts: PodFacts;
  /** Of the Services; anything else of the same name wins. */
  readonly services: Readonly<Record<string, string>>;
  /** Names that no variable can have were left out: `what` is the ConfigMap or Secret they are from. */
  skipped(names: readonly string[], what: string): void;
}

/** What every container is told without asking: the built-in images answer with it. The pod's own variables win. */
export function ownEnvironment(pod: Pod, { podIPs }: Pick<PodFacts, 'podIPs'>): Record<string, string> {
  return {
    POD_NAME: pod.metadata.name,
    POD_NAMESPACE: pod.metadata.namespace ?? 'default',
    POD_IP: podIPs[0],
    NODE_NAME: pod.spec?.nodeName ?? '',
  };
}

/** Throws ConfigError on what is missing or not supported. */
export async function containerEnvironment(options: EnvironmentOptions): Promise<Record<string, string>> {
  const { pod, container, facts, services } = options;
  const result: Record<string, string> = {};
  for (const source of container.envFrom ?? []) Object.assign(result, await sourceVariables(options, source));
  const known = (): Record<string, string> => ({ ...services, ...result });
  for (const variable of container.env ?? []) {
    const value = await variableValue(options, variable, known());
    if (value !== undefined) result[variable.name] = value;
  }
  return { ...ownEnvironment(pod, facts), ...known() };
}

/** Printable ASCII without `=` (IsRelaxedEnvVarName). */
const NAME = /^[\x20-\x3c\x3e-\x7e]+$/;

async function sourceVariables(
  { client, pod, skipped }: EnvironmentOptions,
  { prefix = '', configMapRef, secretRef }: EnvFromSource,
): Promise<Record<string, string>> {
  const found = configMapRef
    ? await configMapData(client, pod, configMapRef)
    : secretRef
      ? await secretData(client, pod, secretRef)
      : {};
  const entries = Object.entries(found).map(([key, value]) => [prefix + key, value] as const);
  const invalid = entries.map(([name]) => name).filter((name) => !NAME.test(name));
  const what = configMapRef ? 'configMap' : 'secret';
  const reference = configMapRef ?? secretRef;
  if (invalid.length > 0) skipped(invalid.sort(), `${what} ${pod.metadata.namespace}/${reference?.name}`);
  return Object.fromEntries(entries.filter(([name]) => NAME.test(name)));
}

async function variableValue(
  { client, pod, container, facts }: EnvironmentOptions,
  { value, valueFrom }: EnvVar,
  known: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (!valueFrom) return expand(value ?? '', known);
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  if (fieldRef) return podField(pod, fieldRef.fieldPath, facts);
  if (resourceFieldRef) return resourceField(pod, resourceFieldRef, container, facts);
  const reference = configMapKeyRef ?? secretKeyRef;
  if (!reference) throw new ConfigError('this kind of valueFrom is not supported');
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
