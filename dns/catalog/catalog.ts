// What of the cluster has names, as far as names need it: tables that answer each question by one look.
import type { Client } from '../../client/client.ts';
import { reflect } from '../../client/reflector.ts';
import { endpointSlices, namespaces, pods, services } from '../../client/resources.ts';
import type { Logger } from '../../host/log.ts';
import { EndpointSlices } from './endpoint-slices.ts';
import { Namespaces } from './namespaces.ts';
import { POD_SELECTOR, Pods } from './pods.ts';
import { Services } from './services.ts';

export const POD_MODES = ['disabled', 'insecure', 'verified'] as const;
export type PodMode = (typeof POD_MODES)[number];

export class Catalog {
  readonly services: Services;
  readonly slices: EndpointSlices;
  readonly namespaces: Namespaces;
  readonly pods: Pods;
  readonly podMode: PodMode;
  readonly #filled: Promise<void>;

  /** `changed` is called after each change of what has names. */
  constructor(podMode: PodMode, changed: () => void) {
    let markFilled!: () => void;
    this.#filled = new Promise((resolve) => {
      markFilled = resolve;
    });
    const noticed = (): void => {
      changed();
      if (this.isFilled) markFilled();
    };
    this.podMode = podMode;
    this.services = new Services(noticed);
    this.slices = new EndpointSlices(noticed);
    this.namespaces = new Namespaces(noticed);
    this.pods = new Pods(noticed);
  }

  /** Before that, that a name is not here does not mean that it does not exist. */
  get isFilled(): boolean {
    const needed = [this.services, this.slices, this.namespaces, ...(this.podMode === 'verified' ? [this.pods] : [])];
    return needed.every(({ isFilled }) => isFilled);
  }

  /** Resolves when the first lists of everything have arrived. */
  filled(): Promise<void> {
    return this.#filled;
  }

  /** Follows the server until `signal` aborts. */
  async follow({ client, log }: { client: Client; log: Logger }, signal: AbortSignal): Promise<void> {
    const of = { client, log };
    await Promise.all([
      reflect({ ...of, resource: services, sink: this.services }, signal),
      reflect({ ...of, resource: endpointSlices, sink: this.slices }, signal),
      reflect({ ...of, resource: namespaces, sink: this.namespaces }, signal),
      ...(this.podMode === 'verified'
        ? [reflect({ ...of, resource: pods, selection: { fieldSelector: POD_SELECTOR }, sink: this.pods }, signal)]
        : []),
    ]);
  }
}
