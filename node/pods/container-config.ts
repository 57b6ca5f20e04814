// From a container of a pod's spec to what the runtime is told (upstream pkg/kubelet/kuberuntime/kuberuntime_container.go
// generateContainerConfig).
import { mkdir, writeFile } from 'node:fs/promises';
import { parseQuantity } from '../../api/quantity.ts';
import type { Container, Pod } from '../../api/types/core.v1.ts';
import { type ContainerSpec, containerID, type Mount, type PulledImage, type Sandbox } from '../runtime.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import { ConfigError } from './downward-api.ts';
import { containerEnvironment, expand } from './environment.ts';
import { containerEvent, factsOf, type PodContext } from './pod-context.ts';
import { checkNonRoot, containerSecurity } from './security.ts';
import { serviceEnvironment } from './service-environment.ts';

export interface ConfigOptions {
  readonly context: PodContext;
  readonly pod: Pod;
  readonly spec: Container;
  readonly attempt: number;
  readonly image: PulledImage;
  readonly sandbox: Sandbox;
  readonly volumes: PodVolumes;
  /** Of an ephemeral container: the id of the container whose processes it joins. */
  readonly processesOf?: string;
}

/** Throws ConfigError when the container cannot be made as it is described. */
export async function containerConfig(options: ConfigOptions): Promise<ContainerSpec> {
  const { context, pod, spec, attempt, image, sandbox, volumes, processesOf } = options;
  checkNonRoot(pod, spec, image.user);
  const env = await environmentOf(options);
  const mounts = [...(await volumes.mounts(pod, spec, env)), ...(await messageMount(options))];
  return {
    id: containerID(sandbox.podUID, spec.name, attempt),
    name: spec.name,
    attempt,
    image: spec.image ?? '',
    command: spec.command?.map((word) => expand(word, env)),
    args: spec.args?.map((word) => expand(word, env)),
    env,
    workingDir: spec.workingDir,
    stdin: spec.stdin,
    stdinOnce: spec.stdinOnce,
    tty: spec.tty,
    ports: (spec.ports ?? []).map(({ containerPort }) => containerPort),
    mounts,
    security: containerSecurity(pod, spec),
    limits: limitsOf(spec),
    processesOf: [processesOf, sandbox.processesOf].find((id) => id && context.runtime.status(id)?.running),
  };
}

function environmentOf({ context, pod, spec, sandbox }: ConfigOptions): Promise<Record<string, string>> {
  const { client, services } = context;
  if (!services.isSynced) {
    throw new ConfigError('services have not yet been read at least once, cannot construct envvars');
  }
  const namespace = pod.metadata.namespace ?? 'default';
  const enableServiceLinks = pod.spec?.enableServiceLinks ?? true;
  return containerEnvironment({
    client,
    pod,
    container: spec,
    facts: factsOf(context, sandbox.podIPs),
    services: serviceEnvironment(services.list(), { namespace, enableServiceLinks }),
    skipped(names, what) {
      const message = `Keys [${names.join(', ')}] from the EnvFrom ${what} were skipped since they are considered invalid environment variable names.`;
      containerEvent(context, pod, spec, 'Warning', 'InvalidEnvironmentVariableNames', message);
    },
  });
}

/** In bytes and cores; what has no limit has none here. */
function limitsOf({ resources }: Container): { memoryBytes?: number; cpu?: number } {
  const { memory, cpu } = resources?.limits ?? {};
  return {
    ...(memory !== undefined && { memoryBytes: parseQuantity(`${memory}`).value }),
    ...(cpu !== undefined && { cpu: parseQuantity(`${cpu}`).milliValue / 1000 }),
  };
}

/** The file behind a container's terminationMessagePath. */
export function messageFile({ directory }: Pick<Sandbox, 'directory'>, { name }: Container, attempt: number): string {
  return `${directory}/termination/${name}_${attempt}`;
}

async function messageMount({ sandbox, spec, attempt }: ConfigOptions): Promise<Mount[]> {
  const { terminationMessagePath: to = '/dev/termination-log' } = spec;
  if (!to) return [];
  const from = messageFile(sandbox, spec, attempt);
  await mkdir(`${sandbox.directory}/termination`, { recursive: true });
  await writeFile(from, '', { mode: 0o666 });
  return [{ from, to, readOnly: false }];
}
