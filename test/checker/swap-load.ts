// What keeps controllers busy: workloads that come, are scaled, rolled out and go, with their Services, budgets and namespaces.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../client/connection.ts';
import { ask } from '../harness/ask.ts';
import type { Random } from '../harness/random.ts';

/** Names of all that is made, and of the namespaces it is made in. */
export const NAMES = ['amber', 'birch', 'cedar', 'delta', 'ember'];
export const HOMES = ['load-one', 'load-two'];
const PATIENCE_MS = 30_000;
/** ms between two changes. */
const PACE_MS = 150;

interface Target {
  readonly home: string;
  readonly name: string;
  readonly random: Random;
}

interface Change {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

export interface LoadOptions {
  readonly connection: Connection;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Changes something every little while until `signal` aborts. Returns how many changes the server took and refused. */
export async function loadControllers({ connection, random, signal }: LoadOptions): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  while (!signal.aborted) {
    const target = { home: random.one(HOMES), name: random.one(NAMES), random };
    const change = random.isOneIn(12) ? ofNamespaces : random.one(CHANGES);
    const { method, path, body } = change(target);
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const text = body && JSON.stringify(body);
    const headers: Record<string, string> = text === undefined ? {} : { 'content-type': contentType };
    const { status } = await ask(connection, { method, path, body: text, headers, patienceMs: PATIENCE_MS });
    const answer = `${method} ${status}`;
    answers[answer] = (answers[answer] ?? 0) + 1;
    await sleep(PACE_MS, undefined, { signal }).catch(() => {}); // rejects only by the signal
  }
  return answers;
}

const inApps = ({ home }: Target, rest: string): string => `/apis/apps/v1/namespaces/${home}/${rest}`;
const inCore = ({ home }: Target, rest: string): string => `/api/v1/namespaces/${home}/${rest}`;
const inBatch = ({ home }: Target, rest: string): string => `/apis/batch/v1/namespaces/${home}/${rest}`;

/** Most come more than they go, so that there is something to go. */
const CHANGES: readonly ((target: Target) => Change)[] = [
  (target) => ({ method: 'POST', path: inApps(target, 'deployments'), body: workload(target, {}) }),
  (target) => ({ method: 'POST', path: inApps(target, 'deployments'), body: workload(target, {}) }),
  (target) => ({ method: 'POST', path: inApps(target, 'daemonsets'), body: workload(target, {}) }),
  (target) => ({
    method: 'POST',
    path: inApps(target, 'statefulsets'),
    body: workload(target, { serviceName: target.name }),
  }),
  (target) => ({ method: 'PATCH', path: inApps(target, `deployments/${target.name}`), body: scaled(target) }),
  (target) => ({ method: 'PATCH', path: inApps(target, `deployments/${target.name}`), body: rolledOut(target) }),
  (target) => ({ method: 'PATCH', path: inApps(target, `statefulsets/${target.name}`), body: scaled(target) }),
  (target) => ({ method: 'PATCH', path: inApps(target, `daemonsets/${target.name}`), body: rolledOut(target) }),
  (target) => ({ method: 'POST', path: inBatch(target, 'jobs'), body: job(target) }),
  (target) => ({ method: 'POST', path: inCore(target, 'services'), body: service(target) }),
  (target) => ({ method: 'POST', path: inCore(target, 'services'), body: service(target) }),
  (target) => ({
    method: 'POST',
    path: `/apis/policy/v1/namespaces/${target.home}/poddisruptionbudgets`,
    body: { metadata: { name: target.name }, spec: { minAvailable: 1, selector: selectorOf(target) } },
  }),
  (target) => ({ method: 'POST', path: inCore(target, 'serviceaccounts'), body: { metadata: { name: target.name } } }),
  (target) => ({
    method: 'POST',
    path: inCore(target, 'resourcequotas'),
    body: { metadata: { name: target.name }, spec: { hard: { 'count/configmaps': '100' } } },
  }),
  (target) => ({ method: 'DELETE', path: inApps(target, `deployments/${target.name}`) }),
  (target) => ({ method: 'DELETE', path: inApps(target, `daemonsets/${target.name}`) }),
  (target) => ({ method: 'DELETE', path: inApps(target, `statefulsets/${target.name}`) }),
  (target) => ({ method: 'DELETE', path: inBatch(target, `jobs/${target.name}?propagationPolicy=Foreground`) }),
  (target) => ({ method: 'DELETE', path: inCore(target, `services/${target.name}`) }),
  (target) => ({ method: 'DELETE', path: inCore(target, `pods?labelSelector=app%3D${target.name}`) }),
  (target) => ({ method: 'DELETE', path: inCore(target, `serviceaccounts/${target.name}`) }),
];

/** They mostly come: one that goes takes all that is in it along. */
const ofNamespaces = ({ home, random }: Target): Change =>
  random.isOneIn(5)
    ? { method: 'DELETE', path: `/api/v1/namespaces/${home}` }
    : { method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: home } } };

const selectorOf = ({ name }: Target): object => ({ matchLabels: { app: name } });

function template({ name, random }: Target, command: readonly string[] = []): object {
  const containers = [{ name: 'main', image: `example.com/${name}:${random.below(1000)}`, command }];
  return { metadata: { labels: { app: name } }, spec: { containers, terminationGracePeriodSeconds: 1 } };
}

function workload(target: Target, more: object): object {
  const spec = { selector: selectorOf(target), template: template(target), ...more };
  return { metadata: { name: target.name }, spec };
}

const scaled = ({ random }: Target): object => ({ spec: { replicas: random.below(8) } });
const rolledOut = (target: Target): object => ({ spec: { template: template(target) } });

function job(target: Target): object {
  const { spec, ...rest } = template(target, ['true']) as { spec: object };
  return {
    metadata: { name: target.name },
    spec: { completions: 1 + target.random.below(3), template: { ...rest, spec: { ...spec, restartPolicy: 'Never' } } },
  };
}

function service({ name, random }: Target): object {
  const spec = { selector: { app: name }, ports: [{ port: 80 }], type: random.one(['ClusterIP', 'NodePort']) };
  return { metadata: { name }, spec };
}
