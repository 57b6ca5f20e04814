// The Node object: created when it is missing, kept as the node is (upstream pkg/kubelet/kubelet_node_status.go, v1.36).
import { readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import { isReason } from '../api/status.ts';
import type { Node, NodeCondition, NodeStatus } from '../api/types/core.v1.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { nodes } from '../client/resources.ts';
import type { Bell } from '../host/bell.ts';
import { type Clock, rfc3339 } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { KnownImage } from './runtime.ts';

/** The Kubernetes version whose kubelet this agent behaves like. */
export const KUBELET_VERSION = 'v1.36.3';
/** ms between looks at the Node object without being told of a change. */
const CHECK_MS = 10_000;
/** ms after which the status is written although nothing changed (nodeStatusReportFrequency). */
const REPORT_MS = 300_000;
const RETRY_MS = 500;

export interface NodeFacts {
  readonly nodeName: string;
  /** One of each address family at most, the primary first. */
  readonly nodeIPs: readonly string[];
  /** Of this program, for containerRuntimeVersion. */
  readonly version: string;
  /** Why pods cannot run yet; absent: they can. */
  readonly notReady?: string;
  /** Absent until somebody has looked. */
  readonly images?: readonly KnownImage[];
}

export interface RegistrationOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** The node as it is now; read on every turn. */
  facts(): NodeFacts;
  /** The Node object as the cache has it. */
  known(): Node | undefined;
  readonly recorder: EventRecorder;
  /** Rung when facts or the object have changed. */
  readonly bell: Bell;
}

const ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: '386', arm: 'arm' };

/** Creates the Node object when it is missing and keeps its status true until `signal` aborts. */
export async function keepNode(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, facts, known, bell } = options;
  let reportedAt = 0;
  while (!signal.aborted) {
    try {
      const node = known() ?? (await fetchOrCreate(options));
      const status = nodeStatus(facts(), node.status, clock.now());
      // The merge key of addresses is their type, and there may be two of one: the list goes as a whole
      // (upstream: pkg/util/node fixupPatchForNodeStatusAddresses).
      if (!isCurrent(node.status, status) || clock.now() - reportedAt > REPORT_MS) {
        await client.patch(
          nodes,
          { name: node.metadata.name },
          { status: { ...status, addresses: [{ $patch: 'replace' }, ...status.addresses!] } },
          { type: 'strategic', subresource: 'status' },
        );
        reportedAt = clock.now();
        tellChanges(options, node, status);
      }
      await bell.rung(signal, CHECK_MS);
    } catch (error) {
      log.warn({ err: error }, 'node not registered, trying again');
      await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}

async function fetchOrCreate(options: RegistrationOptions): Promise<Node> {
  const { client, clock } = options;
  const facts = options.facts();
  try {
    return await client.get(nodes, { name: facts.nodeName });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
  const node = {
    metadata: { name: facts.nodeName, labels: nodeLabels(facts) },
    status: nodeStatus(facts, undefined, clock.now()),
  };
  const made = await client.create(nodes, node);
  tellChanges(options, { ...made, status: {} }, node.status);
  return made;
}

function nodeLabels({ nodeName }: NodeFacts): Record<string, string> {
  const arch = ARCH[process.arch] ?? process.arch;
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
  };
}

/** Conditions that have changed, in upstream's words (kubelet_node_status.go recordNodeStatusEvent). */
function tellChanges({ recorder }: RegistrationOptions, node: Node, status: NodeStatus): void {
  for (const { type, status: now, reason = '' } of status.conditions ?? []) {
    const isSame = node.status?.conditions?.some((old) => old.type === type && old.status === now);
    if (isSame) continue;
    const what = type !== 'Ready' ? reason.replace(/^Kubelet/, 'Node') : now === 'True' ? 'NodeReady' : 'NodeNotReady';
    const message = `Node ${node.metadata.name} status is now: ${what}`;
    recorder.record({ resource: nodes, object: node, type: 'Normal', reason: what, message });
  }
}

/** What the node has to give to pods; all of it, for nothing is set aside. */
export function nodeResources(): Record<string, string> {
  const { bsize, blocks } = statfsSync('/');
  return {
    cpu: `${os.cpus().length}`,
    'ephemeral-storage': `${Math.floor((bsize * blocks) / 1024)}Ki`,
    memory: `${Math.floor(os.totalmem() / 1024)}Ki`,
    pods: '110',
  };
}

/** The whole status; `old` keeps the transition times that still hold. `now` in ms since the epoch. */
export function nodeStatus(facts: NodeFacts, old: NodeStatus | undefined, now: number): NodeStatus {
  const resources = nodeResources();
  return {
    addresses: [
      ...facts.nodeIPs.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: facts.nodeName },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: nodeConditions(facts).map((condition) => {
      const before = old?.conditions?.find(({ type }) => type === condition.type);
      const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
      return { ...condition, lastHeartbeatTime: rfc3339(now), lastTransitionTime: since ?? rfc3339(now) };
    }),
    ...(facts.images && { images: facts.images.map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes })) }),
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: ARCH[process.arch] ?? process.arch,
      bootID: readLine('/proc/sys/kernel/random/boot_id'),
      containerRuntimeVersion: `vitrine://${facts.version}`,
      kernelVersion: os.release(),
      kubeProxyVersion: '',
      kubeletVersion: KUBELET_VERSION,
      machineID: readLine('/etc/machine-id'),
      operatingSystem: 'linux',
      osImage: osImage(),
      systemUUID: readLine('/etc/machine-id'),
    },
  };
}

function nodeConditions({ notReady }: NodeFacts): NodeCondition[] {
  const fine = (type: string, reason: string, what: string): NodeCondition => {
    return { type, status: 'False', reason, message: `kubelet has ${what}` };
  };
  return [
    fine('MemoryPressure', 'KubeletHasSufficientMemory', 'sufficient memory available'),
    fine('DiskPressure', 'KubeletHasNoDiskPressure', 'no disk pressure'),
    fine('PIDPressure', 'KubeletHasSufficientPID', 'sufficient PID available'),
    notReady
      ? { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: notReady }
      : { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
  ];
}

/** Whether the server already has all of `wanted`, heartbeat times aside. */
function isCurrent(held: NodeStatus | undefined, wanted: NodeStatus): boolean {
  const conditions = wanted.conditions!.every((one) =>
    held?.conditions?.some(
      ({ type, status, reason }) => type === one.type && status === one.status && reason === one.reason,
    ),
  );
  const addresses = wanted.addresses!.every((one) =>
    held?.addresses?.some(({ type, address }) => type === one.type && address === one.address),
  );
  const isSameBoot = held?.nodeInfo?.bootID === wanted.nodeInfo!.bootID;
  const version = held?.nodeInfo?.containerRuntimeVersion === wanted.nodeInfo!.containerRuntimeVersion;
  const names = (status: NodeStatus | undefined): string => `${status?.images?.flatMap((image) => image.names ?? [])}`;
  const images = !wanted.images || names(held) === names(wanted);
  return conditions && addresses && isSameBoot && version && images;
}

function readLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return ''; // a container of a machine may have none
  }
}

function osImage(): string {
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readLine('/etc/os-release'));
  return name?.[1] ?? 'Linux';
}
