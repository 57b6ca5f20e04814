// The hooks of a container's life: postStart beside its start, preStop before its end (upstream pkg/kubelet/lifecycle/handlers.go).
import type { HTTPGetAction, LifecycleHandler } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import { check, type Target } from '../probes/check.ts';
import { follow, headersOf, PlainServerError, pageOf } from '../probes/http.ts';

/** ms that a hook may take whose caller sets no limit. */
export const HOOK_LIMIT_MS = 24 * 3600 * 1000;

export interface HookOptions {
  readonly limitMs: number;
  readonly clock: Clock;
  /** Ends a sleep early. */
  readonly signal?: AbortSignal;
  /** An HTTPS hook was answered over HTTP; `host` is HOST:PORT. */
  fellBack(host: string): void;
}

/** Returns what went wrong, if anything did. Takes no longer than `limitMs`. */
export async function runHook(
  hook: LifecycleHandler,
  target: Target,
  options: HookOptions,
): Promise<string | undefined> {
  const { clock, signal } = options;
  const limitMs = Math.min(options.limitMs, HOOK_LIMIT_MS);
  if (hook.sleep) {
    await clock.sleep(Math.min(hook.sleep.seconds * 1000, limitMs), signal).catch(() => {}); // aborted: over early
    return undefined;
  }
  if (hook.httpGet) {
    const asked = askHook(hook.httpGet, target, { ...options, limitMs });
    return asked.catch((error: Error) => error.message);
  }
  if (!hook.exec) return 'invalid handler'; // tcpSocket never was one, whatever the API says
  const { success, output } = await check({ exec: hook.exec }, target, limitMs);
  return success ? undefined : output;
}

/** Any answer will do, a 500 too. Rejects when there is none. */
async function askHook(action: HTTPGetAction, target: Target, options: HookOptions): Promise<undefined> {
  const page = pageOf(action, target);
  const headers = headersOf(action, 'kube-lifecycle');
  try {
    await follow(page, headers, options.limitMs);
  } catch (error) {
    if (!(error instanceof PlainServerError)) throw error;
    const rest = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization');
    const url = page.url.replace('https:', 'http:');
    await follow({ ...page, scheme: 'http', url }, Object.fromEntries(rest), options.limitMs);
    options.fellBack(new URL(page.url).host);
  }
}
