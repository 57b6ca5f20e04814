// One metadata-only watch per resource that can be deleted, started and stopped as the server's resources come and go.
import type { KubeObject } from '../../api/object.ts';
import type { Client, Resource } from '../../client/client.ts';
import { discover } from '../../client/discovery.ts';
import { type Handlers, Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';

export interface MonitorsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** What hears of everything that happens to objects of `resource`. */
  handlers(resource: Resource<KubeObject>): Handlers<KubeObject>;
}

interface Monitor {
  readonly informer: Informer<KubeObject>;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export class Monitors {
  readonly #options: MonitorsOptions;
  readonly #monitors = new Map<string, Monitor>();
  /** `group/kind` → the resource in the version its group prefers. */
  #byKind = new Map<string, Resource<KubeObject>>();

  constructor(options: MonitorsOptions) {
    this.#options = options;
  }

  /** The resource that an owner reference's group and kind mean. */
  resourceOf(group: string, kind: string): Resource<KubeObject> | undefined {
    return this.#byKind.get(`${group}/${kind}`);
  }

  /** Asks the server what it serves, and watches just that. */
  async refresh(): Promise<void> {
    const all = await discover(this.#options.client);
    const wanted = new Map<string, Resource<KubeObject>>();
    this.#byKind = new Map();
    for (const { group, version, plural, kind, namespaced, verbs } of all) {
      const resource = { group, version, plural, kind, namespaced, representation: 'PartialObjectMetadata' as const };
      this.#byKind.set(`${group}/${kind}`, resource);
      const collectable = ['list', 'watch', 'delete'].every((verb) => verbs.has(verb)) && plural !== 'events';
      if (collectable) wanted.set(`${group}/${version}/${plural}`, resource);
    }
    const gone = [...this.#monitors.keys()].filter((key) => !wanted.has(key));
    await Promise.all(gone.map((key) => this.#stop(key)));
    for (const [key, resource] of wanted) if (!this.#monitors.has(key)) this.#start(key, resource);
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#monitors.values()].map(({ informer }) => informer.synced()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#monitors.keys()].map((key) => this.#stop(key)));
  }

  #start(key: string, resource: Resource<KubeObject>): void {
    const { client, clock, log, handlers } = this.#options;
    const informer = new Informer<KubeObject>({ client, clock, log, resource });
    informer.addHandlers(handlers(resource));
    const stop = new AbortController();
    this.#monitors.set(key, { informer, stop, running: informer.run(stop.signal) });
  }

  /** What a resource that is gone had is gone too. */
  async #stop(key: string): Promise<void> {
    const { informer, stop, running } = this.#monitors.get(key)!;
    this.#monitors.delete(key);
    stop.abort();
    await running;
    const { delete: forget } = this.#options.handlers(informer.resource);
    for (const object of informer.list()) forget?.(object);
  }
}
