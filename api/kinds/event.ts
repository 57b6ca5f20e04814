// Event of v1, and of events.k8s.io/v1: one stored object under two sets of names.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { type AnyObject, isEqual } from '../object.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { Event as CoreEvent } from '../types/core.v1.ts';
import type { Event as NewEvent } from '../types/events.v1.ts';
import { immutable, named } from './checks.ts';

export const event: Rules<CoreEvent> = {
  createOnUpdate: true,

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
  errors.push(...named(qualifiedNameErrors, object.reportingComponent ?? '', controllerField));
  for (const [name, max] of LIMITS) {
    const text = object[name] ?? '';
    if (!text && name !== 'message') errors.push(required(name));
    if (Buffer.byteLength(text) > max) errors.push(invalid(name, '', `can have at most ${max} characters`));
  }
  return errors;
}

/** In bytes. */
const LIMITS = [
  ['reportingInstance', 128],
  ['action', 128],
  ['reason', 128],
  ['message', 1024],
] as const;

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
  createOnUpdate: true,

  validate(object, old) {
    const stored = toStored(object);
    const errors = validateStored(stored, 'reportingController');
    if (old) {
      return isEqual(object.series, old.series) ? errors : [...errors, ...validateSeries(object)];
    }
    const { type, eventTime } = object;
    errors.push(...validateSeries(object));
    if (!eventTime) errors.push(required('eventTime'));
    if (type !== 'Normal' && type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${type ?? ''}`));
    const unset = (['firstTimestamp', 'lastTimestamp', 'count'] as const).filter((name) => stored[name]);
    errors.push(...unset.map((name) => invalid(name, '', 'needs to be unset')));
    if (!stored.source?.component && !stored.source?.host) return errors;
    return [...errors, invalid('source', '', 'needs to be unset')];
  },

  validateUpdate(object, old) {
    const [stored, before] = [toStored(object), toStored(old)];
    return FIXED.flatMap(([name, said = name]) => immutable(stored[name], before[name], said));
  },

  fields({ regarding: about, reason, reportingController, type }) {
    return {
      'regarding.kind': about?.kind ?? '',
      'regarding.namespace': about?.namespace ?? '',
      'regarding.name': about?.name ?? '',
      'regarding.uid': about?.uid ?? '',
      'regarding.apiVersion': about?.apiVersion ?? '',
      'regarding.resourceVersion': about?.resourceVersion ?? '',
      'regarding.fieldPath': about?.fieldPath ?? '',
      reason: reason ?? '',
      reportingController: reportingController ?? '',
      type: type ?? '',
    };
  },

  cells: (object, now) => event.cells!(toStored(object), now),

  fromStored(stored) {
    const object = rename(stored, 'events.k8s.io/v1', 1) as unknown as NewEvent & Record<string, unknown>;
    for (const field of ['reportingController', 'reportingInstance']) if (object[field] === '') delete object[field];
    return object;
  },

  toStored: (object) => toStored(object) as unknown as AnyObject,
};

/** What an event tells is told for good; only its series goes on. Some have other names in messages than in v1. */
const FIXED: ReadonlyArray<readonly [name: keyof CoreEvent, said?: string]> = [
  ['involvedObject'],
  ['reason'],
  ['message'],
  ['source'],
  ['firstTimestamp'],
  ['lastTimestamp'],
  ['count'],
  ['reason'],
  ['type'],
  ['eventTime'],
  ['action'],
  ['related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance'],
];

function validateSeries({ series }: NewEvent): FieldError[] {
  if (!series) return [];
  const errors = series.count < 2 ? [invalid('series.count', '', 'should be at least 2')] : [];
  return series.lastObservedTime ? errors : [...errors, required('series.lastObservedTime')];
}

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
