// What every pod's worker is given: the world around the pod.
import type { Pod } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { pods } from '../../client/resources.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { PodNetwork } from '../pod-network/pod-network.ts';
import type { Runtime } from '../runtime.ts';
import type { DNSOptions } from './resolv-conf.ts';

export interface PodContext {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly network: PodNetwork;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly hostIP: string;
  /** Below it, `pods/UID` is a pod's own folder. */
  readonly directory: string;
  readonly dns: DNSOptions;
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

/** `web-1_default(UID)`: how upstream names a pod in messages. */
export function podFullName({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}
