// What a pod's containers share: its network, its name, its files in /etc (upstream's sandbox).
import type { Pod } from '../../api/types/core.v1.ts';
import { hostPortsOf } from '../pod-network/host-ports.ts';
import { containerID, type Sandbox } from '../runtime.ts';
import { sysctlPath } from './admission.ts';
import { hostsFile, podHostname } from './hosts-file.ts';
import type { PodContext } from './pod-context.ts';
import { resolvConf } from './resolv-conf.ts';
import { podDirectory, writeSandboxRecord } from './sandbox-records.ts';

/** Why a pod has no network: shown as a `FailedCreatePodSandBox` event. */
export class SandboxError extends Error {
  constructor(cause: Error) {
    super(`Failed to create pod sandbox: ${cause.message}`, { cause });
    this.name = 'SandboxError';
  }
}

/** `isNew`: containers that an earlier agent left live in a network that is gone. Idempotent. Rejects with SandboxError. */
export async function makeSandbox(context: PodContext, pod: Pod): Promise<{ sandbox: Sandbox; isNew: boolean }> {
  try {
    return await make(context, pod);
  } catch (error) {
    throw new SandboxError(error as Error);
  }
}

async function make(context: PodContext, pod: Pod): Promise<{ sandbox: Sandbox; isNew: boolean }> {
  const { network, hostPorts, hostIPs, nodeName, directory, dns, nodeHosts } = context;
  const { metadata, spec } = pod;
  const podUID = metadata.uid!;
  const podName = metadata.name;
  const namespace = metadata.namespace ?? 'default';
  const name = spec?.hostNetwork ? { hostname: nodeName, domain: '' } : podHostname(pod, dns.clusterDomain);
  const addresses = spec?.hostNetwork ? undefined : network.reserve(podUID);
  // Written down before it is made, so that nothing is made that no later agent would know of.
  await writeSandboxRecord(directory, { podUID, namespace, podName, addresses });
  const attachment = spec?.hostNetwork ? undefined : await network.attach(podUID);
  const podIPs = attachment?.addresses ?? hostIPs;
  await hostPorts.set(podUID, hostPortsOf(pod, podIPs));
  const sandbox: Sandbox = {
    podUID,
    namespace,
    podName,
    nodeName,
    hostname: name.hostname,
    netns: attachment?.netns,
    podIPs,
    directory: podDirectory(directory, podUID),
    resolvConf: resolvConf(pod, dns),
    hosts: hostsFile(pod, name, { podIPs, nodeHosts }),
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((one) => [sysctlPath(one.name), one.value])),
    ...(spec?.shareProcessNamespace && { processesOf: containerID(podUID, PAUSE, 0) }),
  };
  if (spec?.shareProcessNamespace) await startPause(context, sandbox);
  return { sandbox, isNew: attachment?.isNew ?? false };
}

/** As no container is named. */
const PAUSE = 'POD';

/** The first process of a pod whose containers share theirs: it outlives them, and sees off what they leave behind. */
async function startPause({ runtime }: PodContext, sandbox: Sandbox): Promise<void> {
  const id = sandbox.processesOf!;
  if (runtime.status(id)?.running) return;
  await runtime.remove(id);
  const pause = { id, name: PAUSE, attempt: 0, image: 'pause', env: {}, ports: [] };
  await runtime.start(sandbox, pause);
}

/** Ends the first process of a pod that has one. Idempotent. */
async function stopPause({ runtime }: PodContext, { metadata }: Pod): Promise<void> {
  const id = containerID(metadata.uid!, PAUSE, 0);
  await runtime.stop(id, 0);
  await runtime.remove(id);
}

/** Gives the pod's network back. Idempotent. */
export async function removeSandbox(context: PodContext, pod: Pod): Promise<void> {
  const { network, hostPorts } = context;
  await stopPause(context, pod);
  if (pod.spec?.hostNetwork) return;
  await hostPorts.set(pod.metadata.uid!, []);
  await network.detach(pod.metadata.uid!);
}
