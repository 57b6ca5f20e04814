// What the server tells of itself as objects: which groups it serves (APIService), and which requests would wait for which if it made
// them wait (FlowSchema, PriorityLevelConfiguration; recorded from kube-apiserver v1.36.3).
import facts from '../api/facts/about-itself.json' with { type: 'json' };
import { availableHere } from '../api/kinds/apiservice.ts';
import { rfc3339 } from '../host/clock.ts';

/** An object that nobody has given an identity yet. */
export type Draft = {
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
};

interface Told {
  readonly group: string;
  readonly kind: string;
  readonly draft: Draft;
}

/** What the server keeps as it is by itself. */
const UPDATED = { 'apf.kubernetes.io/autoupdate-spec': 'true' };
const MANAGED = { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' };

/** `now`: ms since the epoch. */
export function aboutItself(now: number): Told[] {
  const flowControl = 'flowcontrol.apiserver.k8s.io';
  const lastTransitionTime = rfc3339(now);
  const services = facts.apiservices.map(({ name, spec }): Told => {
    const status = { conditions: [availableHere(lastTransitionTime)] };
    const draft = { metadata: { name, labels: MANAGED }, spec, status };
    return { group: 'apiregistration.k8s.io', kind: 'APIService', draft };
  });
  const levels = facts.prioritylevelconfigurations.map(({ name, spec }): Told => {
    const draft = { metadata: { name, generation: 1, annotations: UPDATED }, spec, status: {} };
    return { group: flowControl, kind: 'PriorityLevelConfiguration', draft };
  });
  const flows = facts.flowschemas.map(({ name, spec }): Told => {
    const level = JSON.stringify(spec.priorityLevelConfiguration.name);
    const message = `This FlowSchema references the PriorityLevelConfiguration object named ${level} and it exists`;
    const found = { lastTransitionTime, message, reason: 'Found', status: 'False', type: 'Dangling' };
    const metadata = { name, generation: 1, annotations: UPDATED };
    return { group: flowControl, kind: 'FlowSchema', draft: { metadata, spec, status: { conditions: [found] } } };
  });
  return [...services, ...levels, ...flows];
}
