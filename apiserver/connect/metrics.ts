// metrics.k8s.io: what pods and nodes use, asked of the nodes' agents in the moment somebody wants to know
// (sigs.k8s.io/metrics-server v0.8 pkg/api; the agents' side is the kubelet's /stats/summary).

import { json } from 'node:stream/consumers';
import { hostPort } from '../../api/ip.ts';
import { type AnyObject, apiVersionOf } from '../../api/object.ts';
import { Quantity } from '../../api/quantity.ts';
import { StatusError } from '../../api/status.ts';
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import { decodeStored, keyFor } from '../registry/codec.ts';
import { readPage } from '../registry/list.ts';
import { readListOptions } from '../registry/list-options.ts';
import type { Answer, Call } from '../registry/registry.ts';
import { answerTo, beginRequest } from './backend.ts';
import type { ConnectContext } from './connector.ts';
import { METRICS_GROUP, type NodeMetrics, type PodMetrics, type Usage } from './metrics-kinds.ts';
import { nodeBackend } from './node-backend.ts';

/** ms that an agent may take. */
const PATIENCE_MS = 5000;

/** What is read of an agent's summary. */
interface Stats {
  readonly cpu: { readonly time: string; readonly usageNanoCores: number; readonly windowMilliseconds?: number };
  readonly memory: { readonly workingSetBytes: number };
}

interface Summary {
  readonly node: Stats | { readonly cpu?: undefined };
  readonly pods: readonly {
    readonly podRef: { readonly uid: string };
    readonly containers: readonly (Stats & { readonly name: string })[];
  }[];
}

export const isMetrics = ({ kind }: Call): boolean => kind.group === METRICS_GROUP;

/** Serves a `get` or a `list`. A node that does not answer is left out, and a warning says so. Throws 404. */
export async function readMetrics(call: Call, context: ConnectContext): Promise<Answer> {
  const found = call.kind.namespaced ? await podMetrics(call, context) : await nodeMetrics(call, context);
  if (call.verb === 'list') return { type: 'list', items: found.map(encode), metadata: {} };
  const [object] = found;
  const { namespace, name } = call;
  const subject = { group: METRICS_GROUP, plural: call.kind.kind.toLowerCase() };
  if (!object) throw StatusError.notFound(subject, namespace ? `${namespace}/${name}` : name);
  return { type: 'object', status: 200, object };
}

const encode = (object: AnyObject): Buffer => Buffer.from(JSON.stringify(object));

async function nodeMetrics(call: Call, context: ConnectContext): Promise<NodeMetrics[]> {
  const nodes = await subjects<Node>('Node', call, context);
  const names = nodes.map(({ metadata }) => metadata.name);
  const summaries = await summariesOf(names, call, context);
  return nodes.flatMap(({ metadata }) => {
    const stats = summaries.get(metadata.name)?.node;
    if (!stats?.cpu) return [];
    return [{ ...head(call, metadata, stats, context), usage: usageOf(stats) }];
  });
}

async function podMetrics(call: Call, context: ConnectContext): Promise<PodMetrics[]> {
  const pods = (await subjects<Pod>('Pod', call, context)).filter(({ spec }) => spec?.nodeName);
  const summaries = await summariesOf([...new Set(pods.map(({ spec }) => spec!.nodeName!))], call, context);
  return pods.flatMap(({ metadata, spec }) => {
    const summary = summaries.get(spec!.nodeName!);
    const stats = summary?.pods.find(({ podRef }) => podRef.uid === metadata.uid);
    if (!stats) return [];
    const containers = stats.containers.map((one) => ({ name: one.name, usage: usageOf(one) }));
    return [{ ...head(call, metadata, stats.containers[0], context), containers }];
  });
}

/** The objects of the core group that are asked about: none when the one that is named is not there. */
async function subjects<T>(kindName: string, call: Call, context: ConnectContext): Promise<T[]> {
  const { registry } = context;
  const kind = registry.catalogue.byKind('', 'v1', kindName)!;
  if (call.verb !== 'list') {
    const entry = registry.store.get(keyFor(kind, call.namespace, call.name));
    return entry ? [decodeStored(kind, entry.value) as AnyObject as T] : [];
  }
  const { labelSelector, fieldSelector } = readListOptions(call.query);
  const options = { ...readListOptions(new URLSearchParams()), labelSelector, fieldSelector };
  const { entries } = await readPage(registry, { ...call, kind }, options);
  return entries.map(({ value }) => decodeStored(kind, value) as AnyObject as T);
}

async function summariesOf(
  nodeNames: readonly string[],
  { warn }: Call,
  context: ConnectContext,
): Promise<Map<string, Summary>> {
  const asked = nodeNames.map(async (name): Promise<[string, Summary][]> => {
    try {
      return [[name, await summaryOf(name, context)]];
    } catch (error) {
      warn(`no metrics of node ${name}: ${(error as Error).message}`);
      return [];
    }
  });
  return new Map((await Promise.all(asked)).flat());
}

/** Rejects when the agent does not answer, or with anything but a summary. */
async function summaryOf(nodeName: string, context: ConnectContext): Promise<Summary> {
  const backend = nodeBackend(context, nodeName);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const headers = { host: hostPort(backend.host, backend.port), connection: 'close' };
  const path = '/stats/summary';
  const request = await beginRequest(context.dial, backend, { method: 'GET', path, headers, signal });
  request.end();
  const { response } = await answerTo(request);
  if (response.statusCode === 200) return (await json(response)) as Summary;
  response.resume();
  throw new Error(`${path} answered ${response.statusCode}`);
}

function head(
  { kind }: Call,
  { name, namespace, labels }: Pod['metadata'],
  { cpu: { time, windowMilliseconds = 0 } }: Stats,
  { registry }: ConnectContext,
): Pick<PodMetrics, 'kind' | 'apiVersion' | 'metadata' | 'timestamp' | 'window'> {
  const metadata = { name, ...(namespace && { namespace }), creationTimestamp: rfc3339(registry.clock.now()), labels };
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind.group, kind.version),
    metadata,
    timestamp: time,
    window: `${windowMilliseconds / 1000}s`,
  };
}

function usageOf({ cpu, memory }: Stats): Usage {
  return {
    cpu: `${new Quantity(BigInt(Math.round(cpu.usageNanoCores)), 'DecimalSI')}`,
    memory: `${new Quantity(BigInt(memory.workingSetBytes) * 1_000_000_000n, 'BinarySI')}`,
  };
}
