// Events the API server itself writes, for what it found wrong and mended.
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Catalogue } from '../api/catalogue.ts';
import type { AnyObject, KubeObject } from '../api/object.ts';
import { rfc3339, rfc3339Micro } from '../host/clock.ts';
import { encodeStored, keyFor } from './registry/codec.ts';
import type { Op } from './storage/store.ts';

/** A warning, with the names of events.k8s.io/v1. */
export interface EventDraft {
  readonly about: KubeObject;
  readonly kind: string;
  readonly apiVersion: string;
  readonly reportingController: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

/** Events of what has no namespace live in `default`. `now` in ms since the epoch. */
export function eventOp(catalogue: Catalogue, draft: EventDraft, now: number): Op {
  const { about, kind, apiVersion, reportingController, reason, action, note } = draft;
  const events = catalogue.byKind('events.k8s.io', 'v1', 'Event')!;
  const { name, namespace, uid, resourceVersion } = about.metadata;
  const own = { name: `${name}.${randomBytes(8).toString('hex')}`, namespace: namespace ?? 'default' };
  const object = {
    metadata: { ...own, uid: randomUUID(), creationTimestamp: rfc3339(now) },
    regarding: { kind, namespace, name, uid, apiVersion, resourceVersion },
    eventTime: rfc3339Micro(now),
    type: 'Warning',
    reason,
    action,
    note,
    reportingController,
    reportingInstance: `${reportingController}-${hostname()}`,
  } as unknown as AnyObject;
  const value = (revision: number): Buffer => encodeStored(events, object, revision);
  return { key: keyFor(events, own.namespace, own.name), value };
}
