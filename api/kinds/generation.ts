// metadata.generation: counts the states of what a user asked for.
import { isEqual, type KubeObject } from '../object.ts';

export function startGeneration(object: KubeObject): void {
  object.metadata.generation = 1;
}

/** One more when any of `fields` (top-level) changed; an update of a subresource such as status changes none. */
export function countGeneration<T extends KubeObject>(
  object: T,
  old: T,
  fields: ReadonlyArray<keyof T> = ['spec' as keyof T],
): void {
  const changed = fields.some((field) => !isEqual(object[field], old[field]));
  object.metadata.generation = (old.metadata.generation ?? 0) + (changed ? 1 : 0);
  if (object.metadata.generation === 0) delete object.metadata.generation;
}
