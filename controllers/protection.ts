// Finalizers that keep what others use (upstream pkg/controller/volume/protectionutil).
import type { KubeObject } from '../api/object.ts';
import type { Client, Resource } from '../client/client.ts';

export interface Protection<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly finalizer: string;
  isUsed(object: T): boolean | Promise<boolean>;
}

/** Whether something is to be done about it: it lacks the finalizer, or leaves and still has it. */
export function needsCare({ metadata }: KubeObject, finalizer: string): boolean {
  return Boolean(metadata.deletionTimestamp) === Boolean(metadata.finalizers?.includes(finalizer));
}

/** Admission gave the finalizer to what is new; what is older gets it here. What leaves loses it when nobody uses it any more. */
export async function keepWhileUsed<T extends KubeObject>(protection: Protection<T>, object: T): Promise<void> {
  const { client, resource, finalizer } = protection;
  if (!needsCare(object, finalizer)) return;
  const { name, namespace, uid, resourceVersion, deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp && (await protection.isUsed(object))) return;
  const next = deletionTimestamp ? finalizers.filter((one) => one !== finalizer) : [...finalizers, finalizer];
  const metadata = { uid, resourceVersion, finalizers: next.length > 0 ? next : null };
  await client.patch(resource, { name, namespace }, { metadata });
}
