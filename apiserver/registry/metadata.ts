// The part of metadata that belongs to the server: names it makes up, identity, times, versions
// (k8s.io/apiserver v0.36 pkg/registry/rest/meta.go, create.go, update.go).
import { randomInt, randomUUID } from 'node:crypto';
import { generateName } from '../../api/metadata.ts';
import type { AnyObject, ObjectMeta } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Call } from './registry.ts';

/** The namespace a body names must be the path's; a body without one takes it, and what is in none loses it. Throws 400. */
export function alignNamespace(call: Call, object: AnyObject): void {
  const { kind, namespace } = call;
  const { metadata } = object;
  if (!kind.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== namespace) throw namespaceMismatch();
  metadata.namespace = namespace;
}

const namespaceMismatch = (): StatusError =>
  StatusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');

/** Gives a new object its identity. `now` is ms since the epoch. */
export function birth(object: AnyObject, now: number): void {
  const { metadata } = object;
  delete metadata.resourceVersion;
  wipeSystemFields(metadata);
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName, randomInt);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = rfc3339(now);
}

/** What only the server says. A generation is left to the kind: one that does not count keeps what it is given, as upstream does. */
export function wipeSystemFields(metadata: ObjectMeta): void {
  delete metadata.creationTimestamp;
  delete metadata.uid;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

/** Keeps what no update may change, whatever the client sent. */
export function keepIdentity(object: AnyObject, old: AnyObject): void {
  const { metadata } = object;
  const kept = old.metadata;
  metadata.name = kept.name;
  metadata.uid ??= kept.uid;
  metadata.resourceVersion = kept.resourceVersion;
  for (const field of KEPT) {
    if (kept[field] === undefined) delete metadata[field];
    else (metadata as unknown as Record<string, unknown>)[field] = kept[field];
  }
}

const KEPT = [
  'namespace',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
] as const;
