// Bringing a container's image, as its imagePullPolicy says, with growing waits after failures (upstream
// pkg/kubelet/images/image_manager.go). Tells what happens by events.
import type { Container, Pod } from '../../api/types/core.v1.ts';
import { ImageError, type PulledImage } from '../runtime.ts';
import type { ContainerView } from './container-status.ts';
import { containerEvent, type PodContext } from './pod-context.ts';
import { RestartBackoff } from './restart-backoff.ts';

export interface ImagePullOptions {
  readonly context: PodContext;
  readonly spec: Container;
  pod(): Pod;
}

/** ms that `ErrImagePull` is shown before it becomes `ImagePullBackOff`. */
const PULL_ERROR_MS = 1000;

export class ImagePull {
  readonly #options: ImagePullOptions;
  readonly #backoff = new RestartBackoff();
  #failure: { at: number; message: string } | undefined;
  #waiting: ContainerView['waiting'];
  #isNoticed = false;

  constructor(options: ImagePullOptions) {
    this.#options = options;
  }

  /** What the container waits for; undefined when its last pull went well. */
  get waiting(): ContainerView['waiting'] {
    return this.#waiting;
  }

  /** ms until the next pull makes sense; 0: now. */
  remaining(): number {
    const { context, spec } = this.#options;
    if (!this.#failure) return 0;
    const { at, message } = this.#failure;
    const now = context.clock.now();
    const remaining = this.#backoff.remaining(spec.name, at, now);
    if (remaining === 0) return 0;
    if (now < at + PULL_ERROR_MS) return at + PULL_ERROR_MS - now;
    if (this.#waiting?.reason === 'ErrImagePull') {
      const backOff = `Back-off pulling image "${spec.image}"`;
      this.#waiting = { reason: 'ImagePullBackOff', message: `${backOff}: ErrImagePull: ${message}` };
      this.#event('Normal', 'BackOff', backOff);
      this.#event('Warning', 'Failed', 'Error: ImagePullBackOff');
    }
    return remaining;
  }

  /** The image, or undefined when it cannot be had: `waiting` and `remaining` tell the rest. */
  async pull(): Promise<PulledImage | undefined> {
    const { context, spec } = this.#options;
    const began = context.clock.now();
    try {
      const image = await context.runtime.pull(spec.image ?? '');
      this.#succeeded(image, context.clock.now() - began);
      return image;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.#failed(error);
      return undefined;
    }
  }

  #succeeded(image: PulledImage, tookMs: number): void {
    const { spec } = this.#options;
    this.#failure = undefined;
    this.#waiting = undefined;
    if (spec.imagePullPolicy === 'Always') {
      this.#event('Normal', 'Pulling', `Pulling image "${spec.image}"`);
      const took = `${tookMs}ms (${tookMs}ms including waiting)`;
      const size = `Image size: ${image.sizeBytes} bytes.`;
      this.#event('Normal', 'Pulled', `Successfully pulled image "${spec.image}" in ${took}. ${size}`);
    } else {
      const there = 'already present on machine and can be accessed by the pod';
      this.#event('Normal', 'Pulled', `Container image "${spec.image}" ${there}`);
    }
    if (image.notice && !this.#isNoticed) this.#event(image.notice.type, 'StandIn', image.notice.message);
    this.#isNoticed = true;
  }

  #failed({ message, reason }: ImageError): void {
    const { context, spec } = this.#options;
    const now = context.clock.now();
    this.#backoff.restarted(spec.name, this.#failure?.at ?? now, now);
    this.#failure = { at: now, message };
    if (reason === 'InvalidImageName') {
      this.#waiting = { reason, message };
      this.#event('Warning', 'InspectFailed', message);
      this.#event('Warning', 'Failed', 'Error: InvalidImageName');
    } else if (spec.imagePullPolicy === 'Never') {
      const never = `Container image "${spec.image}" is not present with pull policy of Never`;
      this.#waiting = { reason: 'ErrImageNeverPull', message: never };
      this.#event('Warning', 'ErrImageNeverPull', never);
      this.#event('Warning', 'Failed', 'Error: ErrImageNeverPull');
    } else {
      this.#waiting = { reason: 'ErrImagePull', message };
      this.#event('Normal', 'Pulling', `Pulling image "${spec.image}"`);
      this.#event('Warning', 'Failed', `Failed to pull image "${spec.image}": ${message}`);
      this.#event('Warning', 'Failed', 'Error: ErrImagePull');
    }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { context, spec, pod } = this.#options;
    containerEvent(context, pod(), spec, type, reason, message);
  }
}
