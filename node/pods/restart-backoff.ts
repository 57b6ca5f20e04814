// When a container that ended may start again (client-go util/flowcontrol/backoff.go as the kubelet uses it): the first restart
// at once, then 10 s after the end, doubled to 5 min; forgotten when it ran for longer than twice that.
import type { Container } from '../../api/types/core.v1.ts';

const FIRST_MS = 10_000;
const MOST_MS = 300_000;

export class RestartBackoff {
  readonly #entries = new Map<string, { waitMs: number; updatedAt: number }>();

  /** ms still to wait before `key`, which ended at `finishedAt`, may start; 0: now. Times in ms since the epoch. */
  remaining(key: string, finishedAt: number, now: number): number {
    const entry = this.#entries.get(key);
    if (!entry || isForgotten(entry.updatedAt, finishedAt)) return 0;
    return Math.max(0, finishedAt + entry.waitMs - now);
  }

  /** The wait now in force for `key`, in ms. */
  wait(key: string): number {
    return this.#entries.get(key)?.waitMs ?? 0;
  }

  /** `key`, which ended at `finishedAt`, starts again now: its next wait is longer. */
  restarted(key: string, finishedAt: number, now: number): void {
    const entry = this.#entries.get(key);
    const waitMs = !entry || isForgotten(entry.updatedAt, finishedAt) ? FIRST_MS : Math.min(entry.waitMs * 2, MOST_MS);
    this.#entries.set(key, { waitMs, updatedAt: now });
  }
}

function isForgotten(updatedAt: number, finishedAt: number): boolean {
  return finishedAt - updatedAt > 2 * MOST_MS;
}

/** Whether `restartPolicy` wants a container that ended with `exitCode` to run again. */
export function wantsRestart(restartPolicy: string | undefined, exitCode: number): boolean {
  if (restartPolicy === 'Never') return false;
  return restartPolicy === 'OnFailure' ? exitCode !== 0 : true;
}

/** What the container itself says of restarts wins over its pod's policy (KEP-5307). */
export function containerWantsRestart(
  podPolicy: string | undefined,
  { restartPolicy, restartPolicyRules = [] }: Pick<Container, 'restartPolicy' | 'restartPolicyRules'>,
  exitCode: number,
): boolean {
  const rule = restartPolicyRules.find(({ exitCodes }) => {
    const isIn = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes && (exitCodes.operator === 'NotIn' ? !isIn : isIn);
  });
  return rule?.action === 'Restart' || wantsRestart(restartPolicy ?? podPolicy, exitCode);
}

/** 10,000 → `10s`; 160,000 → `2m40s`: as Go prints a duration. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
