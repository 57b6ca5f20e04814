// What the scenes of pods on one real node have in common: pods of one container, and ways to wait for what becomes of them.
import { existsSync, readFileSync } from 'node:fs';
import type { Container, ContainerStatus, Pod, PodSpec } from '../../api/types/core.v1.ts';
import { events } from '../../client/resources.ts';
import { createPod, getPod, isReady, type OneNode, until as untilTrue } from './one-node.ts';

/** Less often than one scene alone would ask, for all ask the same server. */
export const until = <T>(what: string, ask: () => Promise<T>): Promise<NonNullable<T>> =>
  untilTrue(what, ask, { timeoutMs: 60_000, everyMs: 50 });

export const sh = (command: string, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', command],
  ...more,
});
export const once = (command: string, more: Partial<Container> = {}): PodSpec => ({
  restartPolicy: 'Never',
  containers: [sh(command, more)],
});
export const statusOf = (pod: Pod, index = 0): ContainerStatus => pod.status!.containerStatuses![index];

export async function log(node: OneNode, name: string, container = 'c', attempt = 0): Promise<string> {
  const { uid } = (await getPod(node.client, name)).metadata;
  const path = `${node.directory}/pods/${uid}/${container}/${attempt}.log`;
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/^\S+ \S+ [FP] /gm, '') : '';
}

/** Runs the pod to its end; what it said, and how it ended. */
export async function said(node: OneNode, name: string, spec: PodSpec): Promise<string> {
  await createPod(node.client, name, spec);
  await until(`${name} ends`, async () =>
    ['Succeeded', 'Failed'].includes((await getPod(node.client, name)).status?.phase ?? ''),
  );
  return log(node, name);
}

export async function messages(node: OneNode, name: string): Promise<string[]> {
  const { items } = await node.client.list(events, {
    namespace: 'default',
    fieldSelector: `involvedObject.name=${name}`,
  });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

export const waiting = (node: OneNode, name: string, reason: string) =>
  until(`${name} waits: ${reason}`, async () => {
    const state = (await getPod(node.client, name)).status?.containerStatuses?.[0]?.state?.waiting;
    return state?.reason === reason ? (state.message ?? reason) : undefined;
  });

export const ready = (node: OneNode, name: string) =>
  until(`${name} is Ready`, async () => isReady(await getPod(node.client, name)));
