// Binding: the scheduler's decision, written into the pod once
// (k8s.io/kubernetes v1.36 pkg/registry/core/pod/storage/storage.go).
import { type FieldError, notSupported, required } from '../../../api/field.ts';
import type { AnyObject } from '../../../api/object.ts';
import { StatusError } from '../../../api/status.ts';
import type { Binding, Pod, PodCondition } from '../../../api/types/core.v1.ts';
import { rfc3339 } from '../../../host/clock.ts';
import { decodeBody } from '../decode.ts';
import type { Answer, Call, Registry } from '../registry.ts';
import { change } from '../update.ts';
import { unclassified } from '../versions.ts';

export async function bind(registry: Registry, call: Call): Promise<Answer> {
  const shape = registry.catalogue.shape('', 'v1', 'Binding')!;
  const binding = (await decodeBody(call, shape)) as unknown as Binding;
  if (call.name && call.name !== binding.metadata.name) {
    throw StatusError.badRequest('name in URL does not match name in Binding object');
  }
  const errors = problems(binding);
  if (errors.length > 0) {
    const said = errors.map(String);
    throw unclassified(said.length === 1 ? said[0] : `[${said.join(', ')}]`);
  }
  const kind = registry.catalogue.byKind('', 'v1', 'Pod')!; // a Binding may also be posted as an object of its own
  const pod: Call = { ...call, kind, name: call.name || binding.metadata.name, subresource: 'binding' };
  await change(registry, pod, (current) => assign(pod, current, binding, registry.clock.now()));
  const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { type: 'other', status: 201, object: success };
}

function problems({ target }: Binding): FieldError[] {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== 'Node')
    errors.push(notSupported('target.kind', target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(required('target.name'));
  return errors;
}

function assign(call: Call, current: AnyObject, binding: Binding, now: number): AnyObject {
  const pod = current as unknown as Pod;
  const subject = { group: '', plural: 'pods/binding' };
  if (pod.metadata.deletionTimestamp) {
    throw StatusError.conflict(subject, call.name, `pod ${call.name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec?.nodeName) {
    const why = `pod ${call.name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`;
    throw StatusError.conflict(subject, call.name, why);
  }
  if (pod.spec?.schedulingGates?.length) {
    throw StatusError.conflict(subject, call.name, `pod ${call.name} has non-empty .spec.schedulingGates`);
  }
  pod.spec!.nodeName = binding.target.name!;
  const { annotations, labels } = binding.metadata;
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  const scheduled: PodCondition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: undefined,
    lastTransitionTime: rfc3339(now),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  pod.status = {
    ...pod.status,
    conditions: [...others, { ...scheduled, lastProbeTime: null as unknown as undefined }],
  };
  return current;
}
