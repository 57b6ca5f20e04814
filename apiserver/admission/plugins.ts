// The admission plugins, in the order they run. One plugin per file; each adds what the cluster adds to an object, or refuses it,
// between decoding and validation.
import type { Admission } from '../registry/registry.ts';
import { certificateSubject } from './certificate-subject.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeTaint } from './node-taint.ts';
import { podTolerations } from './pod-tolerations.ts';
import { priority } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageProtection } from './storage-protection.ts';

// biome-ignore format: one row per plugin, with its reason, reads as a table
const ADMISSION: readonly Admission[] = [
  namespaceLifecycle, // first: what may not be there at all needs nothing added
  serviceAccount,     // the pod's identity, before anything that looks at its volumes
  nodeTaint,          // nothing runs on a node before it said that it is ready
  priority,           // spec.priority from its class
  podTolerations,     // 300 s of not-ready and unreachable nodes
  storageProtection,  // what is in use stays
  runtimeClass,       // after the tolerations that every pod gets: its own are added to them
  certificateSubject, // no request for an administrator's certificate
];

export const admissionPluginNames: readonly string[] = ADMISSION.map(({ name }) => name);

export function admissionWithout(disabled: readonly string[]): readonly Admission[] {
  return ADMISSION.filter(({ name }) => !disabled.includes(name));
}
