// What every pod's worker is given: the world around the pod.
import type { Container, Pod, Service } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { pods } from '../../client/resources.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { HostPorts } from '../pod-network/host-ports.ts';
import type { PodNetwork } from '../pod-network/pod-network.ts';
import type { Runtime } from '../runtime.ts';
import type { FollowedObjects } from '../volumes/references.ts';
import type { PodFacts } from './downward-api.ts';
import type { DNSOptions } from './resolv-conf.ts';

export interface PodContext {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly network: PodNetwork;
  readonly hostPorts: HostPorts;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  /** The node's, one of each address family at most. */
  readonly hostIPs: readonly string[];
  /** Below it, `pods/UID` is a pod's own folder, and `host` what hostPath volumes see. */
  readonly directory: string;
  readonly dns: DNSOptions;
  /** The text of the node's own /etc/hosts. */
  readonly nodeHosts: string;
  /** Of all namespaces. */
  readonly services: Informer<Service>;
  readonly followed: FollowedObjects;
  /** What the node has to give, as its status says. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** An event about a pod, in upstream's words (pkg/kubelet/events/event.go has the reasons). */
export function podEvent(
  { recorder }: PodContext,
  pod: Pod,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  recorder.record({ resource: pods, object: pod, type, reason, message });
}

/** An event about one container of a pod. */
export function containerEvent(
  { recorder }: PodContext,
  pod: Pod,
  { name }: Pick<Container, 'name'>,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const { initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const isIn = (list: readonly { name: string }[]): boolean => list.some((one) => one.name === name);
  const list = isIn(initContainers)
    ? 'initContainers'
    : isIn(ephemeralContainers)
      ? 'ephemeralContainers'
      : 'containers';
  recorder.record({ resource: pods, object: pod, type, reason, message, fieldPath: `spec.${list}{${name}}` });
}

export function factsOf({ hostIPs, allocatable }: PodContext, podIPs: readonly string[]): PodFacts {
  return { podIPs, hostIPs, allocatable };
}

/** `web-1_default(UID)`: how upstream names a pod in messages. */
export function podFullName({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}
