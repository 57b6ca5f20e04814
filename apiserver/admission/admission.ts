// Admission: what the cluster adds to an object or refuses, between decoding and validation. One plugin per file; this is
// the list, in the order they run.
import type { AnyObject } from '../../api/object.ts';
import type { Call, Registry } from '../registry/registry.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podTolerations } from './pod-tolerations.ts';
import { priority } from './priority.ts';
import { serviceAccount } from './service-account.ts';

export interface Admission {
  readonly name: string;
  /** May change `object` in place; `old` is absent on create. Throws StatusError to refuse. */
  admit?(registry: Registry, call: Call, object: AnyObject, old: AnyObject | undefined): void | Promise<void>;
  /** Throws StatusError to refuse the deletion of what `call` names. */
  admitDelete?(registry: Registry, call: Call): void;
}

// biome-ignore format: one row per plugin, with its reason, reads as a table
export const ADMISSION: readonly Admission[] = [
  namespaceLifecycle, // first: what may not be there at all needs nothing added
  serviceAccount,     // the pod's identity, before anything that looks at its volumes
  priority,           // spec.priority from its class
  podTolerations,     // 300 s of not-ready and unreachable nodes
];

export async function admit(
  registry: Registry,
  call: Call,
  object: AnyObject,
  old: AnyObject | undefined,
): Promise<void> {
  for (const plugin of registry.admission) {
    const pending = plugin.admit?.(registry, call, object, old);
    if (pending) await pending;
  }
}

export function admitDelete(registry: Registry, call: Call): void {
  for (const plugin of registry.admission) plugin.admitDelete?.(registry, call);
}
