// Admission, as the verbs call it: every plugin of the registry, in its order.
import type { AnyObject } from '../../api/object.ts';
import type { Call, Registry } from './registry.ts';

export async function admit(
  registry: Registry,
  call: Call,
  object: AnyObject,
  old: AnyObject | undefined,
): Promise<void> {
  for (const plugin of registry.admission) {
    const pending = plugin.admit?.(registry, call, object, old);
    if (pending) await pending;
  }
}

export function admitDelete(registry: Registry, call: Call): void {
  for (const plugin of registry.admission) plugin.admitDelete?.(registry, call);
}
