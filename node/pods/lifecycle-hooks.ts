// The hooks of a container's life: postStart beside its start, preStop before its end (upstream pkg/kubelet/lifecycle/handlers.go).
import type { LifecycleHandler } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import { check, type Target } from '../probes/check.ts';

/** ms that a hook may take whose caller sets no limit. */
export const HOOK_LIMIT_MS = 24 * 3600 * 1000;

/** Returns what went wrong, if anything did. Takes no longer than `limitMs`; `signal` ends a sleep early. */
export async function runHook(
  hook: LifecycleHandler,
  target: Target,
  { limitMs, clock, signal }: { limitMs: number; clock: Clock; signal?: AbortSignal },
): Promise<string | undefined> {
  if (hook.sleep) {
    await clock.sleep(Math.min(hook.sleep.seconds * 1000, limitMs), signal).catch(() => {}); // aborted: over early
    return undefined;
  }
  const { success, output } = await check(hook, target, Math.min(limitMs, HOOK_LIMIT_MS));
  return success ? undefined : output;
}
