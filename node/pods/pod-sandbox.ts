// What a pod's containers share: its network, its name, its files in /etc (upstream's sandbox).
import type { Pod } from '../../api/types/core.v1.ts';
import { hostPortsOf } from '../pod-network/host-ports.ts';
import type { Sandbox } from '../runtime.ts';
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
  };
  return { sandbox, isNew: attachment?.isNew ?? false };
}

/** Gives the pod's network back. Idempotent. */
export async function removeSandbox({ network, hostPorts }: PodContext, pod: Pod): Promise<void> {
  if (pod.spec?.hostNetwork) return;
  await hostPorts.set(pod.metadata.uid!, []);
  await network.detach(pod.metadata.uid!);
}
