// The part of metadata that belongs to the server: names it makes up, identity, times, versions
// (k8s.io/apiserver v0.36 pkg/registry/rest/meta.go, create.go, update.go).
import { randomInt, randomUUID } from 'node:crypto';
import { generateName } from '../../api/metadata.ts';
import type { AnyObject, ObjectMeta } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Call } from './registry.ts';
import { unclassified } from './versions.ts';

/** The namespace a body names must be the path's; a body without one takes it. Throws 400. */
export function alignNamespace(call: Call, object: AnyObject): void {
  const { kind, namespace } = call;
  const { metadata } = object;
  if (!kind.namespaced) {
    if (metadata.namespace) throw namespaceMismatch();
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== namespace) throw namespaceMismatch();
  metadata.namespace = namespace;
}

const namespaceMismatch = (): StatusError =>
  StatusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');

/** Gives a new object its identity. `now` is ms since the epoch. Throws 500 when a client chose a version. */
export function birth(object: AnyObject, now: number): void {
  const { metadata } = object;
  if (metadata.resourceVersion) throw unclassified('resourceVersion should not be set on objects to be created');
  clearServerFields(metadata);
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName, randomInt);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = rfc3339(now);
}

function clearServerFields(metadata: ObjectMeta): void {
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.generation;
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
