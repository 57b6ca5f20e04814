// One container of a pod over all its attempts: started, probed, restarted with growing waits, stopped. Its pod's worker calls
// it, one call at a time; what happens in between (an end, a probe's verdict) it tells by `changed`.
import type { Container, Pod } from '../../api/types/core.v1.ts';
import { type ProbeKind, runProbes } from '../probes/run-probes.ts';
import {
  type ContainerState,
  containerID,
  ImageError,
  parseContainerID,
  type Sandbox,
  StartError,
} from '../runtime.ts';
import { ConfigError, containerEnvironment, expand } from './environment.ts';
import { type PodContext, podEvent, podFullName } from './pod-context.ts';
import { type ContainerView, containerIDField, isSidecar } from './pod-status.ts';
import { runPreStop } from './pre-stop.ts';
import { duration, RestartBackoff, wantsRestart } from './restart-backoff.ts';

export interface ContainerWorkerOptions {
  readonly context: PodContext;
  readonly spec: Container;
  readonly isInit: boolean;
  /** The pod as it is now. */
  pod(): Pod;
  /** Something that the pod's status tells has changed. */
  changed(): void;
}

/** ms between attempts at what may mend itself: a ConfigMap that is not there yet. */
const CONFIG_RETRY_MS = 1000;
/** ms that `ErrImagePull` is shown before it becomes `ImagePullBackOff`. */
const PULL_ERROR_MS = 1000;

export class ContainerWorker {
  readonly #options: ContainerWorkerOptions;
  readonly #restarts = new RestartBackoff();
  readonly #pulls = new RestartBackoff();
  #current: ContainerState | undefined;
  #previous: ContainerState | undefined;
  #attempt = 0;
  #imageID: string | undefined;
  #waiting: ContainerView['waiting'];
  #pullFailure: { at: number; message: string } | undefined;
  #isReady = false;
  #isStarted = false;
  #probes: AbortController | undefined;

  constructor(options: ContainerWorkerOptions) {
    this.#options = options;
    this.#adopt();
  }

  get name(): string {
    return this.#options.spec.name;
  }

  view(): ContainerView {
    return {
      spec: this.#options.spec,
      imageID: this.#imageID,
      current: this.#current,
      previous: this.#previous,
      restartCount: this.#attempt,
      waiting: this.#waiting,
      isStarted: this.#isStarted,
      isReady: this.#isReady,
    };
  }

  /** The runtime says that a container has ended: true when it is this one. */
  ended(state: ContainerState): boolean {
    if (state.id !== this.#current?.id) return false;
    this.#current = state;
    this.#stopProbes();
    return true;
  }

  /** Starts the container when it should run and does not. Returns the ms after which it wants to be called again. */
  async sync(sandbox: Sandbox): Promise<number | undefined> {
    const { context, spec } = this.#options;
    const now = context.clock.now();
    if (this.#current?.running) {
      this.#startProbes(sandbox);
      return undefined;
    }
    if (this.#current) {
      if (!wantsRestart(this.#restartPolicy, this.#current.exitCode ?? 137)) return undefined;
      const remaining = this.#restarts.remaining(spec.name, this.#current.finishedAt ?? now, now);
      if (remaining > 0) return this.#waitForRestart(remaining);
    }
    const pullWait = this.#waitForPull(now);
    if (pullWait > 0) return pullWait;
    return this.#start(sandbox);
  }

  /** Ends the container: its preStop hook, SIGTERM, and SIGKILL when `graceSeconds` are over. */
  async stop(graceSeconds: number, message = `Stopping container ${this.name}`): Promise<void> {
    const { context, pod, spec } = this.#options;
    const current = this.#current;
    if (!current?.running) return;
    this.#stopProbes();
    podEvent(context, pod(), 'Normal', 'Killing', message);
    const began = context.clock.now();
    if (spec.lifecycle?.preStop && graceSeconds > 0) {
      const target = {
        container: spec,
        containerID: current.id,
        podIP: pod().status?.podIP ?? '',
        runtime: context.runtime,
      };
      const failure = await runPreStop(spec.lifecycle.preStop, target, graceSeconds, context.clock);
      if (failure) podEvent(context, pod(), 'Warning', 'FailedPreStopHook', failure);
    }
    const left = graceSeconds - (context.clock.now() - began) / 1000;
    // A hook that took all the time leaves the container upstream's least: 2 s.
    const state = await context.runtime.stop(
      current.id,
      graceSeconds > 0 ? Math.max(left, Math.min(2, graceSeconds)) : 0,
    );
    if (state?.id === this.#current?.id) this.#current = state;
  }

  /** Ends it now, also when `stop` is waiting. */
  async kill(): Promise<void> {
    if (this.#current?.running) await this.#options.context.runtime.stop(this.#current.id, 0);
  }

  /** Nothing of this worker runs on; the container does. */
  release(): void {
    this.#stopProbes();
  }

  /** An init container has done its work when it succeeds, unless it is a sidecar: then it runs as long as the pod. */
  get #restartPolicy(): string | undefined {
    const { isInit, spec, pod } = this.#options;
    const ofPod = pod().spec?.restartPolicy;
    if (!isInit) return ofPod;
    if (isSidecar(spec)) return 'Always';
    return ofPod === 'Never' ? 'Never' : 'OnFailure';
  }

  /** What an earlier agent left, and what the API server remembers of it. */
  #adopt(): void {
    const { context, spec } = this.#options;
    const pod = this.#options.pod();
    const uid = pod.metadata.uid!;
    const left = context.runtime
      .list()
      .map((state) => ({ state, ...parseContainerID(state.id) }))
      .filter(({ podUID, name }) => podUID === uid && name === spec.name)
      .sort((a, b) => b.attempt - a.attempt);
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const known = statuses.find(({ name }) => name === spec.name);
    this.#current = left[0]?.state;
    this.#previous = left[1]?.state;
    this.#attempt = left[0]?.attempt ?? (known?.containerID ? known.restartCount + 1 : 0);
    this.#imageID = known?.imageID || undefined;
    const isSame = this.#current?.running && known?.containerID === containerIDField(this.#current.id);
    this.#isReady = isSame ? known!.ready : !spec.readinessProbe;
    this.#isStarted = isSame ? (known!.started ?? false) : !spec.startupProbe;
  }

  #waitForRestart(remainingMs: number): number {
    const { context, spec, pod } = this.#options;
    const wait = duration(this.#restarts.wait(spec.name));
    const message = `back-off ${wait} restarting failed container=${spec.name} pod=${podFullName(pod())}`;
    if (this.#waiting?.message !== message) {
      this.#waiting = { reason: 'CrashLoopBackOff', message };
      const said = `Back-off restarting failed container ${spec.name} in pod ${podFullName(pod())}`;
      podEvent(context, pod(), 'Warning', 'BackOff', said);
    }
    return remainingMs;
  }

  #waitForPull(now: number): number {
    const { context, spec, pod } = this.#options;
    if (!this.#pullFailure) return 0;
    const { at, message } = this.#pullFailure;
    const remaining = this.#pulls.remaining(spec.name, at, now);
    if (remaining === 0) return 0;
    if (now < at + PULL_ERROR_MS) return at + PULL_ERROR_MS - now;
    const backOff = `Back-off pulling image "${spec.image}"`;
    if (this.#waiting?.reason !== 'ImagePullBackOff') {
      this.#waiting = { reason: 'ImagePullBackOff', message: `${backOff}: ErrImagePull: ${message}` };
      podEvent(context, pod(), 'Normal', 'BackOff', backOff);
      podEvent(context, pod(), 'Warning', 'Failed', 'Error: ImagePullBackOff');
    }
    return remaining;
  }

  async #start(sandbox: Sandbox): Promise<number | undefined> {
    const { context, spec, pod } = this.#options;
    const now = context.clock.now();
    const attempt = this.#current ? this.#attempt + 1 : this.#attempt;
    const id = containerID(sandbox.podUID, spec.name, attempt);
    try {
      await this.#pull();
      const facts = { podIP: sandbox.podIP, hostIP: context.hostIP };
      const env = await containerEnvironment(context.client, pod(), spec, facts);
      if (this.#current) this.#restarts.restarted(spec.name, this.#current.finishedAt ?? now, now);
      const state = await context.runtime.start(sandbox, {
        id,
        name: spec.name,
        attempt,
        image: spec.image ?? '',
        command: spec.command?.map((word) => expand(word, env)),
        args: spec.args?.map((word) => expand(word, env)),
        env,
        workingDir: spec.workingDir,
        ports: (spec.ports ?? []).map(({ containerPort }) => containerPort),
      });
      podEvent(context, pod(), 'Normal', 'Created', 'Container created');
      podEvent(context, pod(), 'Normal', 'Started', 'Container started');
      await this.#began(state, attempt);
      this.#startProbes(sandbox);
      return undefined;
    } catch (error) {
      return this.#notStarted(error, id, attempt);
    }
  }

  async #began(state: ContainerState, attempt: number): Promise<void> {
    const forgotten = this.#previous;
    this.#previous = this.#current;
    // It may have ended already, before anyone knew that it is ours.
    this.#current = this.#options.context.runtime.status(state.id) ?? state;
    this.#attempt = attempt;
    this.#waiting = undefined;
    this.#isReady = !this.#options.spec.readinessProbe;
    this.#isStarted = !this.#options.spec.startupProbe;
    if (forgotten) await this.#options.context.runtime.remove(forgotten.id);
  }

  async #notStarted(error: unknown, id: string, attempt: number): Promise<number | undefined> {
    const { context, spec, pod } = this.#options;
    const now = context.clock.now();
    const { message } = error as Error;
    if (error instanceof ImageError) {
      this.#pulls.restarted(spec.name, this.#pullFailure?.at ?? now, now);
      this.#pullFailure = { at: now, message };
      this.#waiting = { reason: 'ErrImagePull', message };
      podEvent(context, pod(), 'Warning', 'Failed', `Failed to pull image "${spec.image}": ${message}`);
      podEvent(context, pod(), 'Warning', 'Failed', 'Error: ErrImagePull');
      return PULL_ERROR_MS;
    }
    podEvent(context, pod(), 'Warning', 'Failed', `Error: ${message}`);
    if (error instanceof StartError) {
      const state = { id, running: false, pid: 0, startedAt: 0, finishedAt: now, exitCode: 128, startError: message };
      await this.#began(state, attempt);
      return 0;
    }
    this.#waiting = {
      reason: error instanceof ConfigError ? 'CreateContainerConfigError' : 'CreateContainerError',
      message,
    };
    if (!(error instanceof ConfigError))
      context.log.warn({ err: error, pod: pod().metadata.name }, 'container not started');
    return CONFIG_RETRY_MS;
  }

  async #pull(): Promise<void> {
    const { context, spec, pod } = this.#options;
    const image = spec.image ?? '';
    const { id, notice } = await context.runtime.pull(image).catch((error) => {
      podEvent(context, pod(), 'Normal', 'Pulling', `Pulling image "${image}"`);
      throw error;
    });
    this.#pullFailure = undefined;
    this.#imageID = id;
    podEvent(context, pod(), 'Normal', 'Pulled', `Container image "${image}" already present on machine`);
    if (notice && this.#attempt === 0) podEvent(context, pod(), 'Normal', 'StandIn', notice);
  }

  #stopProbes(): void {
    this.#probes?.abort();
    this.#probes = undefined;
  }

  #startProbes(sandbox: Sandbox): void {
    const { context, spec, pod } = this.#options;
    if (this.#probes || !this.#current?.running) return;
    this.#probes = new AbortController();
    const options = {
      target: { container: spec, containerID: this.#current.id, podIP: sandbox.podIP, runtime: context.runtime },
      containerStartedAt: this.#current.startedAt,
      isStarted: this.#isStarted,
      clock: context.clock,
      decided: (kind: ProbeKind, healthy: boolean) => this.#decided(kind, healthy),
      failed: (kind: ProbeKind, output: string) =>
        podEvent(context, pod(), 'Warning', 'Unhealthy', `${kind} probe failed: ${output}`),
    };
    runProbes(options, this.#probes.signal).catch((error: Error) =>
      context.log.error({ err: error }, 'the probes of a container ended'),
    );
  }

  #decided(kind: ProbeKind, healthy: boolean): void {
    const { context, pod, changed } = this.#options;
    if (kind === 'Readiness') {
      if (this.#isReady === healthy) return;
      this.#isReady = healthy;
      changed();
    } else if (healthy) {
      if (kind === 'Startup') this.#isStarted = true;
      changed();
    } else {
      const message = `Container ${this.name} failed ${kind.toLowerCase()} probe, will be restarted`;
      this.stop(pod().spec?.terminationGracePeriodSeconds ?? 30, message).then(changed, (error: Error) =>
        context.log.error({ err: error }, 'an unhealthy container could not be stopped'),
      );
    }
  }
}
