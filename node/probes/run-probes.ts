// The probes of one container, while it runs: startup first, then readiness and liveness side by side.
import type { Probe } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import { check, type Target } from './check.ts';
import { Verdict } from './verdict.ts';

export type ProbeKind = 'Readiness' | 'Liveness' | 'Startup';

export interface ProbesOptions {
  readonly target: Target;
  /** ms since the epoch. */
  readonly containerStartedAt: number;
  /** Its startup probe has succeeded before (under an earlier agent). */
  readonly isStarted: boolean;
  readonly clock: Clock;
  /** A result has decided: healthy or not. Called for every deciding result, not for changes only. */
  decided(kind: ProbeKind, healthy: boolean): void;
  /** Every single failure, for an event. */
  failed(kind: ProbeKind, output: string): void;
  /** A success that an event should tell of. */
  warned(kind: ProbeKind, output: string): void;
}

/**
 * Runs until `signal` aborts; returns at once when the container has no probes. `ending` ends what could restart the container:
 * one that is being stopped is only asked whether it is ready.
 */
export async function runProbes(options: ProbesOptions, signal: AbortSignal, ending: AbortSignal): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = options.target.container;
  const either = AbortSignal.any([signal, ending]);
  if (startupProbe && !options.isStarted) await runProbe('Startup', startupProbe, options, either);
  await Promise.all([
    readinessProbe && runProbe('Readiness', readinessProbe, options, signal),
    livenessProbe && runProbe('Liveness', livenessProbe, options, either),
  ]);
}

/** How long a container that has just started may refuse without its first look being lost for a whole period. */
const START_MS = 1000;
const START_STEP_MS = 50;

/** One probe: until `signal` aborts, or, for a startup probe, until it has succeeded. */
async function runProbe(kind: ProbeKind, probe: Probe, options: ProbesOptions, signal: AbortSignal): Promise<void> {
  const { target, containerStartedAt, clock, decided, failed, warned } = options;
  const verdict = new Verdict({ initially: kind === 'Liveness', ...probe });
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const pause = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => {});
  await pause(Math.max(0, containerStartedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now()));
  while (!signal.aborted) {
    const { success, isWarning, output } = await check(probe, target, timeoutMs);
    if (signal.aborted) return;
    const isStarting = kind !== 'Liveness' && !verdict.healthy && clock.now() < containerStartedAt + START_MS;
    if (!success && isStarting) {
      await pause(START_STEP_MS);
      continue;
    }
    if (!success) failed(kind, output);
    else if (isWarning) warned(kind, output);
    const decision = verdict.record(success);
    if (decision !== undefined) decided(kind, decision);
    if (decision && kind === 'Startup') return;
    await pause((probe.periodSeconds ?? 10) * 1000);
  }
}
