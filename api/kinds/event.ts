// Event of v1, and of events.k8s.io/v1: one stored object under two sets of names.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import type { Event as CoreEvent } from '../types/core.v1.ts';
import type { Event as NewEvent } from '../types/events.v1.ts';

export const event: Rules<CoreEvent> = {
  validate: (object) => validateStored(object, 'reportingComponent'),

  fields: coreFields,

  cells(object, now) {
    const { metadata, involvedObject, source, series, eventTime } = object;
    const last = series?.lastObservedTime ?? object.lastTimestamp ?? eventTime;
    const first = object.firstTimestamp ?? eventTime;
    const component = source?.component || object.reportingComponent || '';
    const count = series?.count ?? object.count ?? 0;
    return [
      ageOf(last, now),
      object.type ?? '',
      object.reason ?? '',
      involvedObject.name
        ? `${(involvedObject.kind ?? '').toLowerCase()}/${involvedObject.name}`
        : (involvedObject.kind ?? ''),
      involvedObject.fieldPath ?? '',
      source?.host ? `${component}, ${source.host}` : component,
      (object.message ?? '').trim(),
      ageOf(first, now),
      count || 1,
      metadata.name,
    ];
  },
};

/**
 * What holds for events of both versions; `controllerField` is what the version calls the reporting controller. Those with an
 * eventTime, the newer ones, may lie apart from what they are about, and say more of who reports.
 */
function validateStored(object: CoreEvent, controllerField: string): FieldError[] {
  const { metadata, involvedObject, eventTime } = object;
  const { namespace = '' } = involvedObject;
  const mismatch = invalid('involvedObject.namespace', namespace, 'does not match event.namespace');
  if (!eventTime) {
    const isRight = namespace === metadata.namespace || (namespace === '' && metadata.namespace === 'default');
    return isRight ? [] : [mismatch];
  }
  const errors: FieldError[] = [];
  if (namespace === '' && metadata.namespace !== 'default' && metadata.namespace !== 'kube-system')
    errors.push(mismatch);
  if (!object.reportingComponent) errors.push(required(controllerField));
  if (!object.reportingInstance) errors.push(required('reportingInstance'));
  if (!object.action) errors.push(required('action'));
  if (!object.reason) errors.push(required('reason'));
  return errors;
}

/** Names of events.k8s.io/v1 → names of v1, in which events are stored. */
const NAMES: ReadonlyArray<readonly [fresh: string, stored: string]> = [
  ['note', 'message'],
  ['regarding', 'involvedObject'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedCount', 'count'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
];

function rename(object: AnyObject, apiVersion: string, from: 0 | 1): AnyObject {
  const names = new Map(NAMES.map((pair) => [pair[from], pair[1 - from]]));
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) renamed[names.get(key) ?? key] = value;
  return { ...renamed, apiVersion } as AnyObject;
}

export const newEvent: Rules<NewEvent> = {
  validate(object) {
    const { type, eventTime } = object;
    const errors = validateStored(toStored(object), 'reportingController');
    if (!eventTime) errors.push(required('eventTime'));
    if (type !== 'Normal' && type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${type ?? ''}`));
    return errors;
  },

  fields: (object) => ({
    reason: object.reason ?? '',
    type: object.type ?? '',
    'regarding.kind': object.regarding?.kind ?? '',
    'regarding.name': object.regarding?.name ?? '',
  }),

  cells: (object, now) => event.cells!(toStored(object), now),

  fromStored(stored) {
    const object = rename(stored, 'events.k8s.io/v1', 1) as unknown as NewEvent & Record<string, unknown>;
    for (const field of ['reportingController', 'reportingInstance']) if (object[field] === '') delete object[field];
    return object;
  },

  toStored: (object) => toStored(object) as unknown as AnyObject,
};

function toStored(object: NewEvent): CoreEvent {
  const stored = rename(object as unknown as AnyObject, 'v1', 0) as unknown as CoreEvent;
  stored.reportingComponent ??= '';
  stored.reportingInstance ??= '';
  return stored;
}

function coreFields(object: CoreEvent): Record<string, string> {
  const { involvedObject: about } = object;
  return {
    'involvedObject.kind': about.kind ?? '',
    'involvedObject.namespace': about.namespace ?? '',
    'involvedObject.name': about.name ?? '',
    'involvedObject.uid': about.uid ?? '',
    'involvedObject.apiVersion': about.apiVersion ?? '',
    'involvedObject.resourceVersion': about.resourceVersion ?? '',
    'involvedObject.fieldPath': about.fieldPath ?? '',
    reason: object.reason ?? '',
    reportingComponent: object.reportingComponent ?? '',
    source: object.source?.component || (object.reportingComponent ?? ''),
    type: object.type ?? '',
  };
}
