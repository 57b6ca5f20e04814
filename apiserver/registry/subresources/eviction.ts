// Eviction: a deletion that asks the PodDisruptionBudgets first (k8s.io/kubernetes v1.36 pkg/registry/core/pod/storage/eviction.go).
import { copyOf } from '../../../api/object.ts';
import { labelSelectorOf } from '../../../api/selectors/labels.ts';
import { StatusError } from '../../../api/status.ts';
import type { Pod } from '../../../api/types/core.v1.ts';
import type { Eviction, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../api/types/policy.v1.ts';
import { rfc3339 } from '../../../host/clock.ts';
import { managerOf, SERVER, trackAs } from '../../managed-fields/ownership.ts';
import { decodeStored } from '../codec.ts';
import { decodeBody } from '../decode.ts';
import { removeObject } from '../delete.ts';
import { mustGet } from '../get.ts';
import { type Answer, type Call, isDryRun, type Registry } from '../registry.ts';
import { change } from '../update.ts';
import { unclassified } from '../versions.ts';

export async function evict(registry: Registry, call: Call): Promise<Answer> {
  const eviction = (await decodeBody(
    call,
    registry.catalogue.shape('policy', 'v1', 'Eviction')!,
  )) as unknown as Eviction;
  if (eviction.metadata.name && eviction.metadata.name !== call.name) {
    throw StatusError.badRequest('name in URL does not match name in Eviction object');
  }
  const pod = decodeStored(call.kind, mustGet(registry, call.kind, call.namespace, call.name).value) as unknown as Pod;
  const dryRun = isDryRun(call) || eviction.deleteOptions?.dryRun?.includes('All') === true;
  if (!canIgnoreBudgets(pod)) await charge(registry, call, pod, dryRun);
  if (!dryRun) await announce(registry, call);
  const { gracePeriodSeconds, preconditions, propagationPolicy } = eviction.deleteOptions ?? {};
  const policy = propagationPolicy as 'Background' | undefined;
  await removeObject(registry, call, { gracePeriodSeconds, preconditions, propagationPolicy: policy, dryRun });
  return {
    type: 'other',
    status: 201,
    object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
  };
}

/** Says in the pod's conditions why it goes. */
async function announce(registry: Registry, call: Call): Promise<void> {
  await change(registry, { ...call, subresource: 'status' }, (current) => {
    const pod = current as unknown as Pod;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastProbeTime: null as unknown as undefined,
      lastTransitionTime: rfc3339(registry.clock.now()),
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    pod.status = { ...pod.status, conditions: [...others, condition] };
    return current;
  });
}

/** A pod that is done, not begun or on its way out disrupts nobody. */
function canIgnoreBudgets({ status, metadata }: Pod): boolean {
  return Boolean(metadata.deletionTimestamp) || ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '');
}

/** Takes one disruption from the pod's budget. Throws 429 when there is none left, 500 when several budgets claim the pod. */
async function charge(registry: Registry, call: Call, pod: Pod, dryRun: boolean): Promise<void> {
  const kind = registry.catalogue.byKind('policy', 'v1', 'PodDisruptionBudget')!;
  const { entries } = await registry.store.list(`${kind.storage}/${call.namespace}/`);
  const budgets = entries
    .map(({ value }) => decodeStored(kind, value) as unknown as PodDisruptionBudget)
    .filter(({ spec }) => labelSelectorOf(spec?.selector).matches(pod.metadata.labels));
  if (budgets.length === 0) return;
  if (budgets.length > 1) {
    throw unclassified(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = budgets;
  refuseWithout(budget);
  if (dryRun) return;
  const budgetCall: Call = { ...call, kind, name: budget.metadata.name, subresource: 'status' };
  await change(registry, budgetCall, (current) => {
    const old = copyOf(current);
    const { status } = current as unknown as PodDisruptionBudget;
    refuseWithout(current as unknown as PodDisruptionBudget);
    status!.disruptionsAllowed = (status!.disruptionsAllowed ?? 0) - 1;
    status!.disruptedPods = { ...status!.disruptedPods, [call.name]: rfc3339(registry.clock.now()) };
    if (status!.disruptionsAllowed === 0) noteExhausted(status!, rfc3339(registry.clock.now()));
    trackAs(registry, budgetCall, { old, next: current, manager: { ...managerOf(budgetCall), manager: SERVER } });
    return current;
  });
}

/** Says in the budget's conditions that the last disruption was just given out. */
function noteExhausted(status: PodDisruptionBudgetStatus, now: string): void {
  const type = 'DisruptionAllowed';
  const before = status.conditions?.find((condition) => condition.type === type);
  const condition = {
    type,
    status: 'False',
    observedGeneration: status.observedGeneration,
    lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
    reason: 'InsufficientPods',
    message: '',
  };
  status.conditions = [...(status.conditions ?? []).filter((other) => other !== before), condition];
}

function refuseWithout({ metadata, status }: PodDisruptionBudget): void {
  if ((status?.disruptionsAllowed ?? 0) > 0) return;
  const needs = `needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
  throw new StatusError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${metadata.name} ${needs}` }],
  });
}
