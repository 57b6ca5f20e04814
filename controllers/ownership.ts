// Who controls whom: a controller keeps what it owns and still selects, lets go what it no longer selects, and adopts what
// it selects and nobody controls (upstream pkg/controller/controller_ref_manager.go).

import { apiVersionOf, controllerOf, type KubeObject, type OwnerReference } from '../api/object.ts';
import type { LabelMatcher } from '../api/selectors/labels.ts';
import { isReason } from '../api/status.ts';
import type { Client, Resource } from '../client/client.ts';

export interface Claim<O extends KubeObject, T extends KubeObject> {
  readonly client: Client;
  readonly owner: { resource: Resource<O>; object: O };
  /** What owner may claim of this kind. */
  readonly resource: Resource<T>;
  readonly selector: LabelMatcher;
  /** Objects of the owner's namespace. */
  readonly candidates: readonly T[];
}

export function ownerReferenceTo<O extends KubeObject>(resource: Resource<O>, { metadata }: O): OwnerReference {
  const { name, uid } = metadata;
  const apiVersion = apiVersionOf(resource.group, resource.version);
  return { apiVersion, kind: resource.kind, name, uid: uid!, controller: true, blockOwnerDeletion: true };
}

/** The candidates that the owner controls, after adopting and releasing. */
export async function claim<O extends KubeObject, T extends KubeObject>(request: Claim<O, T>): Promise<T[]> {
  const { owner, selector, candidates } = request;
  const going = owner.object.metadata.deletionTimestamp !== undefined;
  const claimed = await Promise.all(
    candidates.map(async (object) => {
      const controller = controllerOf(object);
      const wanted = selector.matches(object.metadata.labels);
      if (controller && controller.uid !== owner.object.metadata.uid) return undefined;
      if (controller && (wanted || going)) return wanted ? object : undefined;
      if (controller) return release(request, object);
      if (!wanted || going || object.metadata.deletionTimestamp) return undefined;
      return adopt(request, object);
    }),
  );
  return claimed.filter((object) => object !== undefined);
}

/** Asks the server first: a cache may not know yet that the owner is gone, and its successor has another uid. */
async function adopt<O extends KubeObject, T extends KubeObject>(
  { client, owner, resource }: Claim<O, T>,
  object: T,
): Promise<T | undefined> {
  const { name, namespace, uid, resourceVersion, ownerReferences = [] } = object.metadata;
  const { metadata } = owner.object;
  const live = await client.get(owner.resource, { name: metadata.name, namespace: metadata.namespace });
  if (live.metadata.uid !== metadata.uid || live.metadata.deletionTimestamp) return undefined;
  const references = [...ownerReferences, ownerReferenceTo(owner.resource, owner.object)];
  const patch = { metadata: { uid, resourceVersion, ownerReferences: references } };
  return unlessGone(client.patch(resource, { name, namespace }, patch));
}

async function release<O extends KubeObject, T extends KubeObject>(
  { client, owner, resource }: Claim<O, T>,
  object: T,
): Promise<undefined> {
  const { name, namespace, uid, resourceVersion, ownerReferences = [] } = object.metadata;
  const rest = ownerReferences.filter((reference) => reference.uid !== owner.object.metadata.uid);
  const patch = { metadata: { uid, resourceVersion, ownerReferences: rest.length > 0 ? rest : null } };
  await unlessGone(client.patch(resource, { name, namespace }, patch));
}

async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isReason(error, 'NotFound') || isReason(error, 'Invalid')) return undefined;
    throw error;
  }
}
