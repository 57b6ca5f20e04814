// One container of a pod over all its attempts: started, probed, restarted with growing waits, stopped. Its pod's worker calls
// it, one call at a time; what happens in between (an end, a probe's verdict) it tells by `changed`.
import { rm } from 'node:fs/promises';
import type { Container, ContainerStatus, Pod } from '../../api/types/core.v1.ts';
import type { Target } from '../probes/check.ts';
import { type ProbeKind, runProbes } from '../probes/run-probes.ts';
import { type ContainerState, containerID, parseContainerID, type Sandbox, StartError } from '../runtime.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import { containerConfig, messageFile } from './container-config.ts';
import { type Attempt, type ContainerView, containerIDField, isSidecar } from './container-status.ts';
import { ConfigError } from './downward-api.ts';
import { ImagePull } from './image-pull.ts';
import { HOOK_LIMIT_MS, runHook } from './lifecycle-hooks.ts';
import { containerEvent, type PodContext, podEvent, podFullName } from './pod-context.ts';
import { containerWantsRestart, duration, RestartBackoff } from './restart-backoff.ts';
import { terminationMessage } from './termination-message.ts';

export interface ContainerWorkerOptions {
  readonly context: PodContext;
  readonly spec: Container;
  readonly kind: 'init' | 'regular' | 'ephemeral';
  readonly volumes: PodVolumes;
  /** The pod's own folder. */
  readonly directory: string;
  /** The pod as it is now. */
  pod(): Pod;
  /** Something that the pod's status tells has changed. */
  changed(): void;
}

/** ms between attempts at what may mend itself: a ConfigMap that is not there yet. */
const CONFIG_RETRY_MS = 1000;
/** As containerd has it for containers that were gone when it came back. */
const LOST_EXIT_CODE = 255;
/** Seconds that a container gets to end when a hook has taken all the time (upstream: minimumGracePeriodInSeconds). */
const LEAST_GRACE = 2;

export class ContainerWorker {
  #options: ContainerWorkerOptions;
  #restarts = new RestartBackoff();
  #images: ImagePull;
  /** What the attempt that runs was started as. */
  #ranAs: Container;
  #current: Attempt | undefined;
  #previous: Attempt | undefined;
  #attempt = 0;
  #imageID: string | undefined;
  #waiting: ContainerView['waiting'];
  #isReady = false;
  #isStarted = false;
  /** Its postStart hook is at work: until that is over, the container does not count as running. */
  #isHooking = false;
  #probes: AbortController | undefined;
  /** Aborts when the container is being stopped. */
  #ending = new AbortController();

  constructor(options: ContainerWorkerOptions) {
    this.#options = options;
    this.#images = new ImagePull(options);
    this.#ranAs = options.spec;
    this.#adopt();
  }

  /** Another image may do what the one before could not: it is tried at once. Nothing else of a container changes. */
  update(spec: Container): void {
    if (spec.image === this.#options.spec.image) return;
    this.#options = { ...this.#options, spec };
    this.#images = new ImagePull(this.#options);
    this.#restarts = new RestartBackoff();
  }

  get name(): string {
    return this.#options.spec.name;
  }

  get isHooking(): boolean {
    return this.#isHooking;
  }

  get isRunning(): boolean {
    return this.#current?.running ?? false;
  }

  /** The id of the attempt that runs. */
  get runningID(): string | undefined {
    return this.isRunning ? this.#current?.id : undefined;
  }

  view(): ContainerView {
    return {
      spec: this.isRunning ? this.#ranAs : this.#options.spec,
      imageID: this.#imageID,
      current: this.#isHooking ? undefined : this.#current,
      previous: this.#previous,
      restartCount: this.#attempt,
      waiting: this.#images.waiting ?? this.#waiting,
      isStarted: this.#isStarted,
      isReady: this.#isReady,
    };
  }

  /** The runtime says that a container has ended: true when it is this one. */
  ended(state: ContainerState): boolean {
    if (state.id !== this.#current?.id) return false;
    this.#current = this.#withMessage(state);
    this.#stopProbes();
    return true;
  }

  /** Starts the container when it should run and does not. Returns the ms after which it wants to be called again. */
  async sync(sandbox: Sandbox, processesOf?: string): Promise<number | undefined> {
    const { context, spec, pod } = this.#options;
    if (this.#current?.running) {
      if (this.#ranAs.image === spec.image) {
        if (!this.#isHooking) this.#startProbes(sandbox);
        return undefined;
      }
      const grace = pod().spec?.terminationGracePeriodSeconds ?? 30;
      await this.stop(grace, `Container ${this.name} definition changed, will be restarted`);
    } else if (this.#current) {
      if (!this.#wantsRestart(this.#current.exitCode ?? 137)) return undefined;
      const now = context.clock.now();
      const remaining = this.#restarts.remaining(spec.name, this.#current.finishedAt ?? now, now);
      if (remaining > 0) return this.#waitForRestart(remaining);
    }
    const pullWait = this.#images.remaining();
    if (pullWait > 0) return pullWait;
    return this.#start(sandbox, processesOf);
  }

  /** Ends the container: its preStop hook, SIGTERM, and SIGKILL when `graceSeconds` are over. */
  async stop(graceSeconds: number, message = `Stopping container ${this.name}`): Promise<void> {
    const { context, pod, spec } = this.#options;
    const current = this.#current;
    if (!current?.running) return;
    this.#ending.abort();
    this.#event('Normal', 'Killing', message);
    const began = context.clock.now();
    if (spec.lifecycle?.preStop && graceSeconds > 0) {
      const target = this.#target(current.id, pod().status?.podIP ?? '');
      const limits = { limitMs: graceSeconds * 1000, clock: context.clock, fellBack: this.#fellBack };
      if (await runHook(spec.lifecycle.preStop, target, limits)) {
        this.#event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
      }
    }
    const left = graceSeconds - (context.clock.now() - began) / 1000;
    const state = await context.runtime.stop(
      current.id,
      graceSeconds > 0 ? Math.max(left, Math.min(LEAST_GRACE, graceSeconds)) : 0,
    );
    if (state && state.id === this.#current?.id) this.#current = this.#withMessage(state);
    this.#stopProbes();
  }

  /** Ends it now, also when `stop` is waiting. */
  async kill(): Promise<void> {
    if (this.#current?.running) await this.#options.context.runtime.stop(this.#current.id, 0);
  }

  /** Nothing of this worker runs on; the container does. */
  release(): void {
    this.#stopProbes();
    this.#ending.abort();
  }

  /** An init container has done its work when it succeeds, unless it is a sidecar: then it runs as long as the pod. */
  #wantsRestart(exitCode: number): boolean {
    const { kind, spec, pod } = this.#options;
    const ofPod = pod().spec?.restartPolicy;
    if (kind === 'ephemeral') return false;
    if (kind === 'regular' || isSidecar(spec)) return containerWantsRestart(ofPod, spec, exitCode);
    return exitCode !== 0 && containerWantsRestart(ofPod === 'Never' ? 'Never' : 'OnFailure', spec, exitCode);
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
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
    const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
    const known = statuses.find(({ name }) => name === spec.name);
    this.#current = left[0] ? this.#withMessage(left[0].state) : this.#lost(known);
    this.#previous = left[1] && this.#withMessage(left[1].state);
    const next = known?.containerID ? known.restartCount + 1 : 0;
    this.#attempt = left[0]?.attempt ?? (this.#current ? known!.restartCount : next);
    this.#imageID = known?.imageID || undefined;
    const isSame = this.#current?.running && known?.containerID === containerIDField(this.#current.id);
    if (isSame) this.#ranAs = { ...spec, image: known!.image };
    this.#isReady = isSame ? known!.ready : !spec.readinessProbe;
    this.#isStarted = isSame ? (known!.started ?? false) : !spec.startupProbe;
  }

  /** What ran or had ended here before the whole node went away; init containers run once more then. */
  #lost(known: ContainerStatus | undefined): Attempt | undefined {
    const { context, pod, spec, kind } = this.#options;
    const { running, terminated } = known?.state ?? {};
    if (kind === 'init' || !known?.containerID || !(running || terminated)) return undefined;
    const ms = (time: unknown): number => (time ? Date.parse(`${time}`) : context.clock.now());
    return {
      id: containerID(pod().metadata.uid!, spec.name, known.restartCount),
      running: false,
      pid: 0,
      startedAt: ms(running?.startedAt ?? terminated?.startedAt),
      finishedAt: ms(terminated?.finishedAt),
      exitCode: terminated?.exitCode ?? LOST_EXIT_CODE,
      isLost: !terminated,
    };
  }

  #waitForRestart(remainingMs: number): number {
    const { spec, pod } = this.#options;
    const wait = duration(this.#restarts.wait(spec.name));
    const message = `back-off ${wait} restarting failed container=${spec.name} pod=${podFullName(pod())}`;
    if (this.#waiting?.message !== message) {
      this.#waiting = { reason: 'CrashLoopBackOff', message };
      const said = `Back-off restarting failed container ${spec.name} in pod ${podFullName(pod())}`;
      this.#event('Warning', 'BackOff', said);
    }
    return remainingMs;
  }

  async #start(sandbox: Sandbox, processesOf?: string): Promise<number | undefined> {
    const { context, spec, volumes } = this.#options;
    const now = context.clock.now();
    const attempt = this.#current ? this.#attempt + 1 : this.#attempt;
    const image = await this.#images.pull();
    if (!image) return this.#images.remaining();
    this.#imageID = image.id;
    try {
      const pod = this.#options.pod();
      const config = await containerConfig({ context, pod, spec, attempt, image, sandbox, volumes, processesOf });
      if (this.#current) this.#restarts.restarted(spec.name, this.#current.finishedAt ?? now, now);
      const state = await context.runtime.start(sandbox, config);
      this.#ranAs = spec;
      this.#event('Normal', 'Created', 'Container created');
      this.#event('Normal', 'Started', 'Container started');
      await this.#began(state, attempt);
      this.#ending = new AbortController();
      if (spec.lifecycle?.postStart) this.#beginPostStart(state.id, sandbox);
      else this.#startProbes(sandbox);
      return undefined;
    } catch (error) {
      return this.#notStarted(error, containerID(sandbox.podUID, spec.name, attempt), attempt);
    }
  }

  async #began(state: ContainerState, attempt: number): Promise<void> {
    const { context, spec, directory } = this.#options;
    const forgotten = this.#previous;
    this.#previous = this.#current;
    // It may have ended already, before anyone knew that it is ours.
    this.#current = this.#withMessage(context.runtime.status(state.id) ?? state);
    this.#attempt = attempt;
    this.#waiting = undefined;
    this.#isReady = !spec.readinessProbe;
    this.#isStarted = !spec.startupProbe;
    if (!forgotten) return;
    await context.runtime.remove(forgotten.id);
    await rm(messageFile({ directory }, spec, parseContainerID(forgotten.id).attempt), { force: true });
  }

  async #notStarted(error: unknown, id: string, attempt: number): Promise<number | undefined> {
    const { context, pod } = this.#options;
    const now = context.clock.now();
    const { message } = error as Error;
    this.#event('Warning', 'Failed', `Error: ${message}`);
    if (error instanceof StartError) {
      const state = { id, running: false, pid: 0, startedAt: 0, finishedAt: now, exitCode: 128, startError: message };
      await this.#began(state, attempt);
      if (this.#wantsRestart(128)) this.#waiting = { reason: 'RunContainerError', message };
      return 0;
    }
    const isConfig = error instanceof ConfigError;
    this.#waiting = { reason: isConfig ? 'CreateContainerConfigError' : 'CreateContainerError', message };
    if (!isConfig) context.log.warn({ err: error, pod: pod().metadata.name }, 'container not started');
    return CONFIG_RETRY_MS;
  }

  /** The hook runs beside the pod's other work; when it fails the container goes. */
  #beginPostStart(id: string, sandbox: Sandbox): void {
    const { context, spec, pod, changed } = this.#options;
    const { clock } = context;
    this.#isHooking = true;
    const work = async (): Promise<void> => {
      const limits = { limitMs: HOOK_LIMIT_MS, clock, signal: this.#ending.signal, fellBack: this.#fellBack };
      const failure = await runHook(spec.lifecycle!.postStart!, this.#target(id, sandbox.podIPs[0]), limits);
      this.#isHooking = false;
      if (this.#current?.id !== id || this.#ending.signal.aborted) return changed();
      if (failure !== undefined) {
        this.#event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
        await this.stop(pod().spec?.terminationGracePeriodSeconds ?? 30, 'FailedPostStartHook');
      }
      changed();
    };
    work().catch((error: Error) => context.log.error({ err: error }, 'the postStart hook of a container ended'));
  }

  /** Of the pod, not of the container, as upstream has it. */
  readonly #fellBack = (host: string): void => {
    const message = `request to HTTPS lifecycle hook ${host} got HTTP response, retry with HTTP succeeded`;
    podEvent(this.#options.context, this.#options.pod(), 'Warning', 'LifecycleHTTPFallback', message);
  };

  #target(containerID: string, podIP: string): Target {
    return { container: this.#options.spec, containerID, podIP, runtime: this.#options.context.runtime };
  }

  #withMessage(state: ContainerState): Attempt {
    const { spec, directory, pod, context } = this.#options;
    if (state.running || state.startError !== undefined) return state;
    const { attempt } = parseContainerID(state.id);
    const { initContainers = [], containers = [] } = pod().spec ?? {};
    try {
      const message = terminationMessage({
        spec,
        exitCode: state.exitCode ?? 137,
        file: messageFile({ directory }, spec, attempt),
        log: `${directory}/${spec.name}/${attempt}.log`,
        containers: initContainers.length + containers.length,
      });
      return { ...state, ...(message && { message }) };
    } catch (error) {
      context.log.warn({ err: error }, "a container's last words cannot be read");
      return state;
    }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    containerEvent(this.#options.context, this.#options.pod(), this.#options.spec, type, reason, message);
  }

  #stopProbes(): void {
    this.#probes?.abort();
    this.#probes = undefined;
  }

  #startProbes(sandbox: Sandbox): void {
    const { context } = this.#options;
    if (this.#probes || !this.#current?.running || this.#ending.signal.aborted) return;
    this.#probes = new AbortController();
    const options = {
      target: this.#target(this.#current.id, sandbox.podIPs[0]),
      containerStartedAt: this.#current.startedAt,
      isStarted: this.#isStarted,
      clock: context.clock,
      decided: (kind: ProbeKind, healthy: boolean) => this.#decided(kind, healthy),
      failed: (kind: ProbeKind, output: string) =>
        this.#event('Warning', 'Unhealthy', `${kind} probe failed: ${output}`),
      warned: (kind: ProbeKind, output: string) =>
        this.#event('Warning', 'ProbeWarning', `${kind} probe warning: ${output}`),
    };
    runProbes(options, this.#probes.signal, this.#ending.signal).catch((error: Error) =>
      context.log.error({ err: error }, 'the probes of a container ended'),
    );
  }

  #decided(kind: ProbeKind, healthy: boolean): void {
    const { context, spec, pod, changed } = this.#options;
    if (kind === 'Readiness') {
      if (this.#isReady === healthy) return;
      this.#isReady = healthy;
      changed();
    } else if (healthy) {
      if (kind === 'Startup') this.#isStarted = true;
      changed();
    } else {
      const message = `Container ${this.name} failed ${kind.toLowerCase()} probe, will be restarted`;
      const probe = kind === 'Startup' ? spec.startupProbe : spec.livenessProbe;
      const grace = probe?.terminationGracePeriodSeconds ?? pod().spec?.terminationGracePeriodSeconds ?? 30;
      this.stop(grace, message).then(changed, (error: Error) =>
        context.log.error({ err: error }, 'an unhealthy container could not be stopped'),
      );
    }
  }
}
