// The controllers there are, and how the chosen ones run together.
import { setMaxListeners } from 'node:events';

import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { WorkQueue } from '../client/workqueue.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { UsageError } from '../host/lifecycle.ts';
import type { Logger } from '../host/log.ts';
import { deploymentController } from './deployment.ts';
import { endpointsController } from './endpoints.ts';
import { endpointSliceController } from './endpointslice.ts';
import { endpointSliceMirroringController } from './endpointslice-mirroring.ts';
import type { Controller, ControllerFactory, Environment } from './environment.ts';
import { garbageCollector } from './gc/garbage-collector.ts';
import { Informers } from './informers.ts';
import { loadBalancerController } from './load-balancer.ts';
import type { ControllerMetrics } from './metrics.ts';
import { namespaceController } from './namespace.ts';
import { nodeIpamController } from './node-ipam.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import type { ControllerOptions } from './options.ts';
import { persistentVolumeProtection } from './persistentvolume-protection.ts';
import { persistentVolumeClaimProtection } from './persistentvolumeclaim-protection.ts';
import { podGCController } from './pod-gc.ts';
import { replicaSetController } from './replicaset.ts';
import { replicationController } from './replicationcontroller.ts';
import { rootCAController } from './root-ca.ts';
import { scheduler } from './scheduler/scheduler.ts';
import { serviceAccountTokenController } from './service-account-token.ts';
import { serviceCIDRController } from './service-cidr.ts';
import { serviceAccountController } from './serviceaccount.ts';
import { taintEvictionController } from './taint-eviction.ts';
import { volumeAttributesClassProtection } from './volumeattributesclass-protection.ts';

// biome-ignore format: one row per controller reads as a table
const CONTROLLERS: readonly { name: string; make: ControllerFactory }[] = [
  { name: 'endpointslice', make: endpointSliceController },
  { name: 'endpoints', make: endpointsController },
  { name: 'endpointslicemirroring', make: endpointSliceMirroringController },
  { name: 'deployment', make: deploymentController },
  { name: 'replicaset', make: replicaSetController },
  { name: 'replicationcontroller', make: replicationController },
  { name: 'namespace', make: namespaceController },
  { name: 'garbagecollector', make: garbageCollector },
  { name: 'nodeipam', make: nodeIpamController },
  { name: 'nodelifecycle', make: nodeLifecycleController },
  { name: 'taint-eviction', make: taintEvictionController },
  { name: 'podgc', make: podGCController },
  { name: 'serviceaccount', make: serviceAccountController },
  { name: 'serviceaccount-token', make: serviceAccountTokenController },
  { name: 'root-ca-certificate-publisher', make: rootCAController },
  { name: 'service-cidr', make: serviceCIDRController },
  { name: 'service-lb', make: loadBalancerController },
  { name: 'persistentvolume-protection', make: persistentVolumeProtection },
  { name: 'persistentvolumeclaim-protection', make: persistentVolumeClaimProtection },
  { name: 'volumeattributesclass-protection', make: volumeAttributesClassProtection },
  { name: 'scheduler', make: scheduler },
];

export const controllerNames: readonly string[] = CONTROLLERS.map(({ name }) => name);

export interface RunOptions {
  readonly options: ControllerOptions;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Absent: nothing is counted. */
  readonly metrics?: ControllerMetrics;
}

/**
 * Runs the controllers that `options.controllers` names until `signal` aborts and all their work in hand is done.
 * Rejects when one of them is broken beyond retrying; the others are ended then. Throws UsageError for unknown names.
 */
export async function runControllers(
  client: Client,
  { options, log, clock = systemClock, metrics }: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const informers = new Informers({ client, clock, log });
  const recorders: EventRecorder[] = [];
  const recorder = (component: string): EventRecorder => {
    const made = new EventRecorder({ client, component, clock, log });
    recorders.push(made);
    return made;
  };
  const queue = (name: string): WorkQueue => metrics?.queue(name, clock) ?? new WorkQueue({ clock });
  const environment: Environment = { client, informers, options, clock, log, recorder, queue };
  const controllers = chosen(options.controllers).map(({ make }) => make(environment));
  await runTogether([...controllers, { name: 'informers', run: (all) => informers.run(all) }], signal);
  await Promise.all(recorders.map((one) => one.flushed()));
}

/** When one fails, all end. */
async function runTogether(controllers: readonly Controller[], signal: AbortSignal): Promise<void> {
  const broken = new AbortController();
  const either = AbortSignal.any([signal, broken.signal]);
  setMaxListeners(0, either);
  const outcomes = await Promise.allSettled(
    controllers.map(async ({ name, run }) => {
      try {
        await run(either);
      } catch (error) {
        broken.abort(error);
        throw new Error(`controller ${name}: ${(error as Error).message}`, { cause: error });
      }
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Throws UsageError for a name that no controller has. */
function chosen(wanted: readonly string[]): typeof CONTROLLERS {
  const unknown = wanted
    .map((word) => word.replace(/^-/, ''))
    .find((word) => word !== '*' && !controllerNames.includes(word));
  if (unknown !== undefined)
    throw new UsageError(`--controllers: no controller "${unknown}" (${controllerNames.join(', ')})`);
  return CONTROLLERS.filter(({ name }) => isChosen(wanted, name));
}

/** `*` chooses all; `name` and `-name` win over it (upstream: --controllers). */
export function isChosen(wanted: readonly string[], name: string): boolean {
  return wanted.includes(name) || (wanted.includes('*') && !wanted.includes(`-${name}`));
}
