// The preStop hook of a container that is about to be stopped (upstream pkg/kubelet/lifecycle/handlers.go).
import type { LifecycleHandler } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import { check, type Target } from '../probes/check.ts';

/** Returns what went wrong, if anything did. Never takes longer than the grace the whole stop has. */
export async function runPreStop(
  hook: LifecycleHandler,
  target: Target,
  graceSeconds: number,
  clock: Clock,
): Promise<string | undefined> {
  if (hook.sleep) {
    await clock.sleep(Math.min(hook.sleep.seconds, graceSeconds) * 1000);
    return undefined;
  }
  const { success, output } = await check(hook, target, graceSeconds * 1000);
  return success ? undefined : `PreStopHook failed: ${output}`;
}
