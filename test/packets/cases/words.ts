// The words in which the cases are told: who asks, what is asked for, and answers that many cases share.
import type { EndpointSpec, Target } from '../objects.ts';
import { kept, masqueraded, type Row, rows } from '../table.ts';
import type { Place, ServerPod } from '../topology.ts';

export const CLIENT_PODS: readonly Place[] = ['client-1', 'client-2'];
export const NODES: readonly Place[] = ['node-1', 'node-2'];
export const CLUSTER: readonly Place[] = [...CLIENT_PODS, ...NODES];
export const EVERYONE: readonly Place[] = [...CLUSTER, 'internet'];

export const NODE_PORTS: readonly Target[] = ['node port of node-1', 'node port of node-2'];
export const EXTERNAL_IPS: readonly Target[] = ['external IP via node-1', 'external IP via node-2'];
export const BALANCERS: readonly Target[] = ['load balancer via node-1', 'load balancer via node-2'];
export const VIA_1: readonly Target[] = ['node port of node-1', 'external IP via node-1', 'load balancer via node-1'];
export const VIA_2: readonly Target[] = ['node port of node-2', 'external IP via node-2', 'load balancer via node-2'];
export const OUTSIDE: readonly Target[] = [...NODE_PORTS, ...EXTERNAL_IPS, ...BALANCERS];

export const LOCAL = { externalTrafficPolicy: 'Local' } as const;

export const inState = (pod: ServerPod, ready: boolean, serving: boolean, terminating: boolean): EndpointSpec => ({
  pod,
  conditions: { ready, serving, terminating },
});
export const draining = (pod: ServerPod): EndpointSpec => inState(pod, false, true, true);
export const dying = (pod: ServerPod): EndpointSpec => inState(pod, false, false, true);

/** Policy Cluster: a pod's address is kept to the cluster IP, everything else looks as if it came from the node. */
export function everything(by: readonly ServerPod[], more: Partial<Row> = {}): Row[] {
  return [
    ...rows(CLIENT_PODS, ['cluster IP'], kept(...by), more),
    ...rows([...NODES, 'internet'], ['cluster IP'], masqueraded(...by), more),
    ...rows(EVERYONE, OUTSIDE, masqueraded(...by), more),
  ];
}

/** Without endpoints. What a node sends to an address that is not its own is refused by the node it comes to, or by itself. */
export function nothing(more: Partial<Row> = {}): Row[] {
  return [
    ...rows(EVERYONE, ['cluster IP', ...NODE_PORTS], 'refused', more),
    ...rows([...CLIENT_PODS, 'internet'], [...EXTERNAL_IPS, ...BALANCERS], 'refused', more),
    ...rows(['node-1'], ['external IP via node-2', 'load balancer via node-2'], 'refused', more),
    ...rows(['node-2'], ['external IP via node-1', 'load balancer via node-1'], 'refused', more),
  ];
}
