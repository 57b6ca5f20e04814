// The node's Lease in kube-node-lease: its heartbeat (upstream k8s.io/component-helpers/apimachinery/lease/controller.go).
import { isReason } from '../api/status.ts';
import type { Node } from '../api/types/core.v1.ts';
import type { Client } from '../client/client.ts';
import { leases } from '../client/resources.ts';
import { type Clock, rfc3339Micro } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';

const NAMESPACE = 'kube-node-lease';
/** ms to the next attempt after one that failed; never longer than the renewal itself. */
const RETRY_MS = 200;

export interface LeaseOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly leaseDurationSeconds: number;
  node(): Node | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Renews every quarter of the lease's duration until `signal` aborts. */
export async function keepLease(options: LeaseOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, leaseDurationSeconds } = options;
  const renewMs = leaseDurationSeconds * 250;
  let next = clock.now();
  while (!signal.aborted) {
    let isRenewed = true;
    await renew(options).catch((error: Error) => {
      isRenewed = false;
      log.warn({ err: error }, 'node lease not renewed, trying again');
    });
    next = isRenewed ? Math.max(next + renewMs, clock.now()) : clock.now() + Math.min(RETRY_MS, renewMs);
    await clock.sleep(next - clock.now(), signal).catch(() => {});
  }
}

async function renew({ client, nodeName, leaseDurationSeconds, node, clock }: LeaseOptions): Promise<void> {
  const spec = { holderIdentity: nodeName, leaseDurationSeconds, renewTime: rfc3339Micro(clock.now()) };
  const uid = node()?.metadata.uid;
  const metadata = uid ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] } : {};
  try {
    // The lease may be older than what we know of the node.
    await client.patch(leases, { name: nodeName, namespace: NAMESPACE }, { metadata, spec }, { type: 'merge' });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    await client.create(leases, { metadata: { name: nodeName, namespace: NAMESPACE, ...metadata }, spec });
  }
}
