// Fills an API server with objects as a cluster has them, from a process of its own.
import { doJob } from './child.ts';
import type { Target } from './server.ts';
import { connect, type Wire } from './wire.ts';

export interface FillJob {
  readonly target: Target;
  readonly kinds: ReadonlyArray<keyof typeof OBJECTS>;
  /** Of each kind. */
  readonly count: number;
  /** Number of the first one; default 0. */
  readonly from?: number;
}

const CLIENTS = 32;

/** Pods need one; a controller makes it, which does not run here. */
const SERVICE_ACCOUNT = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };

const OBJECTS = {
  services: (name: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: { app: name } },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  }),
  pods: (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: 'echo', ports: [{ containerPort: 8080 }] }],
    },
  }),
  configmaps: (name: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { k: 'x'.repeat(500) },
  }),
} as const;

await doJob(async ({ target, kinds, count, from = 0 }: FillJob): Promise<null> => {
  const wires = await Promise.all(Array.from({ length: CLIENTS }, () => connect('http/1.1', target)));
  const post = (wire: Wire, plural: string, object: unknown): Promise<string> => {
    const path = `/api/v1/namespaces/default/${plural}`;
    return wire.send({ method: 'POST', path, contentType: 'application/json', body: JSON.stringify(object) });
  };
  await post(wires[0], 'serviceaccounts', SERVICE_ACCOUNT).catch((error: Error) => {
    if (!error.message.startsWith('409')) throw error;
  });
  for (const kind of kinds) {
    let next = from;
    const client = async (wire: Wire): Promise<void> => {
      while (next < from + count) await post(wire, kind, OBJECTS[kind](`fill-${next++}`));
    };
    await Promise.all(wires.map(client));
  }
  for (const wire of wires) wire.close();
  return null;
});
