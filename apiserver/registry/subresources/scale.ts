// The scale of a workload, whatever its kind (autoscaling/v1 Scale).

import { ageOf } from '../../../api/age.ts';
import { invalid } from '../../../api/field.ts';
import { type AnyObject, apiVersionOf } from '../../../api/object.ts';
import { formatLabelSelector } from '../../../api/selectors/labels.ts';
import { StatusError } from '../../../api/status.ts';
import { rfc3339 } from '../../../host/clock.ts';
import { storedEntries } from '../../managed-fields/entries.ts';
import { keep, managerOf } from '../../managed-fields/ownership.ts';
import type { Versions } from '../../managed-fields/prune.ts';
import { SCALE_VERSION, toParent, toScale } from '../../managed-fields/scale.ts';
import { track } from '../../managed-fields/track.ts';
import { applyConfiguration, isApply, readConfiguration } from '../apply.ts';
import { decodeStored } from '../codec.ts';
import { decodeBody } from '../decode.ts';
import { mustGet } from '../get.ts';
import { patchOf } from '../patch.ts';
import type { Answer, Call, Registry, Shown } from '../registry.ts';
import { change } from '../update.ts';
import { checkWriteOptions } from '../write-options.ts';

const GROUP = 'autoscaling';

const column = (name: string, type: string): Shown['columns'][number] => ({ name, type, format: '', priority: 0 });
const SHOWN: Shown = {
  columns: [
    column('Name', 'string'),
    column('Desired', 'integer'),
    column('Available', 'integer'),
    column('Age', 'string'),
  ],
  rules: {
    cells({ metadata, spec, status }, now) {
      const { replicas: desired = 0 } = spec as { replicas?: number };
      const { replicas: available } = status as { replicas: number };
      return [metadata.name, desired, available, ageOf(metadata.creationTimestamp, now)];
    },
  },
};

export async function getScale(registry: Registry, call: Call): Promise<Answer> {
  const entry = mustGet(registry, call.kind, call.namespace, call.name);
  return { type: 'other', status: 200, object: scaleOf(decodeStored(call.kind, entry.value)), shown: SHOWN };
}

export async function updateScale(registry: Registry, call: Call): Promise<Answer> {
  checkWriteOptions(call.query, 'UpdateOptions');
  const scale = await decodeBody(call, shape(registry));
  return write(registry, call, (current) => tracked(registry, call, current, scale));
}

export async function patchScale(registry: Registry, call: Call): Promise<Answer> {
  if (isApply(call)) return applyScale(registry, call);
  const transform = patchOf(call, shape(registry));
  return write(registry, call, (current) => tracked(registry, call, current, transform(current)));
}

async function applyScale(registry: Registry, call: Call): Promise<Answer> {
  const terms = { shape: shape(registry), versions: versions(registry), filter: () => undefined };
  const config = await readConfiguration(call, terms.shape);
  return write(registry, call, (live) => {
    const { object, entries } = applyConfiguration(registry, call, { config, live, ...terms });
    keep(object, entries);
    return object;
  });
}

function tracked(registry: Registry, call: Call, old: AnyObject, next: AnyObject): AnyObject {
  const entries = storedEntries(old.metadata.managedFields);
  const version = SCALE_VERSION;
  const change = { old, next, entries, version, versions: versions(registry), filter: () => undefined };
  const manager = { ...managerOf(call), apiVersion: version };
  keep(next, entries.length > 0 ? track(change, manager, rfc3339(registry.clock.now())) : entries);
  return next;
}

type Shape = NonNullable<ReturnType<Registry['catalogue']['shape']>>;

function shape({ catalogue }: Registry): Shape {
  return catalogue.shape(GROUP, 'v1', 'Scale')!;
}

/** There is one version of Scale. */
function versions(registry: Registry): Versions<object> {
  const { schema } = shape(registry);
  return { schemaOf: (version) => (version === SCALE_VERSION ? schema : undefined), convert: (object) => object };
}

/** `next` makes a new Scale of the current one; both say who owns them. */
async function write(registry: Registry, call: Call, next: (current: AnyObject) => AnyObject): Promise<Answer> {
  const whole: Call = { ...call, subresource: 'scale' };
  const answer = await change(registry, whole, (current) => {
    const owners = storedEntries(current.metadata.managedFields);
    const live = scaleOf(current);
    keep(live, toScale(owners));
    const scale = next(live);
    const replicas = (scale.spec as { replicas?: number } | undefined)?.replicas ?? 0;
    if (replicas < 0) {
      const problem = invalid('spec.replicas', replicas, 'must be greater than or equal to 0');
      throw StatusError.invalid({ group: GROUP, kind: 'Scale' }, call.name, [problem]);
    }
    current.metadata.resourceVersion = scale.metadata.resourceVersion;
    if (scale.metadata.uid) current.metadata.uid = scale.metadata.uid;
    const version = apiVersionOf(call.kind.group, call.kind.version);
    keep(current, toParent(owners, storedEntries(scale.metadata.managedFields), version));
    return { ...current, spec: { ...(current.spec as object), replicas } };
  });
  const object =
    answer.type === 'stored' ? decodeStored(call.kind, answer.value) : (answer as { object: AnyObject }).object;
  return { type: 'other', status: 200, object: scaleOf(object), shown: SHOWN };
}

/** Selectors of ReplicationControllers are plain maps, those of the rest LabelSelectors. */
function scaleOf(object: AnyObject): AnyObject {
  const spec = object.spec as { replicas?: number; selector?: Record<string, unknown> } | undefined;
  const status = object.status as { replicas?: number } | undefined;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const isMap = object.kind === 'ReplicationController';
  const selector = isMap ? { matchLabels: spec?.selector as Record<string, string> } : spec?.selector;
  return {
    kind: 'Scale',
    apiVersion: `${GROUP}/v1`,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(spec?.replicas && { replicas: spec.replicas }) },
    status: { replicas: status?.replicas ?? 0, ...(selector && { selector: formatLabelSelector(selector) }) },
  };
}
