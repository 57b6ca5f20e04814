// Writes a slice plan to the server, leaving alone what is right already.
import { apiVersionOf, type KubeObject, type ObjectMeta } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { EndpointSlice } from '../api/types/discovery.v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { endpointSlices } from '../client/resources.ts';
import { isEqual } from './equality.ts';
import type { OwnWrites } from './own-writes.ts';
import type { Content, SlicePlan } from './slice-plan.ts';

export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const SERVICE_NAME = 'kubernetes.io/service-name';
export const HEADLESS = 'service.kubernetes.io/headless';

/** What all slices of one owner share. */
export interface SliceFrame<T extends KubeObject> {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly owner: { resource: Resource<T>; object: T };
}

export interface SliceWriter {
  readonly client: Client;
  readonly writes: OwnWrites<EndpointSlice>;
  /** The loop's key, under which the writes are remembered. */
  readonly key: string;
}

export async function writeSlices<T extends KubeObject>(
  { client, writes, key }: SliceWriter,
  frame: SliceFrame<T>,
  plan: SlicePlan,
): Promise<void> {
  const work: Promise<void>[] = [];
  for (const content of plan.create) {
    work.push(client.create(endpointSlices, newSlice(frame, content)).then((made) => writes.wrote(key, made)));
  }
  for (const { slice, content } of plan.update) {
    const next = nextSlice(frame, slice, content);
    if (next) work.push(client.update(endpointSlices, next).then((made) => writes.wrote(key, made)));
  }
  for (const slice of plan.remove) {
    work.push(removeSlice(client, slice).then(() => writes.deleted(key, slice)));
  }
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

async function removeSlice(client: Client, { metadata }: EndpointSlice): Promise<void> {
  const at = { name: metadata.name, namespace: metadata.namespace };
  await client.delete(endpointSlices, at, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
    if (!isReason(error, 'NotFound')) throw error;
  });
}

function newSlice<T extends KubeObject>(frame: SliceFrame<T>, content: Content): EndpointSlice {
  const { resource, object } = frame.owner;
  const metadata = {
    generateName: `${object.metadata.name}-`,
    namespace: object.metadata.namespace,
    labels: frame.labels,
    annotations: frame.annotations,
    ownerReferences: [
      {
        apiVersion: apiVersionOf(resource.group, resource.version),
        kind: resource.kind,
        name: object.metadata.name,
        uid: object.metadata.uid!,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  } as Omit<ObjectMeta, 'name'> as ObjectMeta;
  return { metadata, addressType: frame.addressType, ...body(content) };
}

/** `slice` with what it should say; undefined when it says that already (annotations aside: they never cause a write). */
function nextSlice<T extends KubeObject>(
  { labels, annotations }: SliceFrame<T>,
  slice: EndpointSlice,
  content: Content,
): EndpointSlice | undefined {
  const same =
    isEqual(slice.endpoints, content.endpoints) &&
    isEqual(slice.ports, content.ports) &&
    isEqual(slice.metadata.labels, labels);
  if (same) return undefined;
  return { ...slice, metadata: { ...slice.metadata, labels, annotations }, ...body(content) };
}

/** Nothing is written as null, as a server that stores protobuf answers it. */
function body({ endpoints, ports }: Content): Pick<EndpointSlice, 'endpoints' | 'ports'> {
  return { endpoints: listOrNull(endpoints), ports: listOrNull(ports) };
}

function listOrNull<T>(items: readonly T[]): T[] {
  return items.length > 0 ? [...items] : (null as unknown as T[]);
}
