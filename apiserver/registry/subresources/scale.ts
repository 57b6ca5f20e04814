// The scale of a workload, whatever its kind (autoscaling/v1 Scale).

import { invalid } from '../../../api/field.ts';
import type { AnyObject } from '../../../api/object.ts';
import { formatLabelSelector } from '../../../api/selectors/labels.ts';
import { StatusError } from '../../../api/status.ts';
import { decodeStored } from '../codec.ts';
import { decodeBody } from '../decode.ts';
import { mustGet } from '../get.ts';
import { patchOf } from '../patch.ts';
import type { Answer, Call, Registry } from '../registry.ts';
import { change } from '../update.ts';
import { checkWriteOptions } from '../write-options.ts';

const GROUP = 'autoscaling';

export async function getScale(registry: Registry, call: Call): Promise<Answer> {
  const entry = mustGet(registry, call.kind, call.namespace, call.name);
  return { type: 'other', status: 200, object: scaleOf(decodeStored(call.kind, entry.value)) };
}

export async function updateScale(registry: Registry, call: Call): Promise<Answer> {
  checkWriteOptions(call.query, 'UpdateOptions');
  const scale = await decodeBody(call, shape(registry));
  return write(registry, call, () => scale);
}

export async function patchScale(registry: Registry, call: Call): Promise<Answer> {
  const transform = patchOf(call, shape(registry));
  return write(registry, call, (current) => transform(scaleOf(current)));
}

function shape(registry: Registry): NonNullable<ReturnType<Registry['catalogue']['shape']>> {
  return registry.catalogue.shape(GROUP, 'v1', 'Scale')!;
}

async function write(registry: Registry, call: Call, next: (current: AnyObject) => AnyObject): Promise<Answer> {
  const whole: Call = { ...call, subresource: 'scale' };
  const answer = await change(registry, whole, (current) => {
    const scale = next(current);
    const replicas = (scale.spec as { replicas?: number } | undefined)?.replicas ?? 0;
    if (replicas < 0) {
      const problem = invalid('spec.replicas', replicas, 'must be greater than or equal to 0');
      throw StatusError.invalid({ group: GROUP, kind: 'Scale' }, call.name, [problem]);
    }
    current.metadata.resourceVersion = scale.metadata.resourceVersion;
    if (scale.metadata.uid) current.metadata.uid = scale.metadata.uid;
    return { ...current, spec: { ...(current.spec as object), replicas } };
  });
  const object =
    answer.type === 'stored' ? decodeStored(call.kind, answer.value) : (answer as { object: AnyObject }).object;
  return { type: 'other', status: 200, object: scaleOf(object) };
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
