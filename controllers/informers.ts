// The caches all control loops share: one list and one watch per resource, however many loops look at it.
import { controllerOf, type KubeObject } from '../api/object.ts';
import type { Pod } from '../api/types/core.v1.ts';
import type { Indexers } from '../client/cache.ts';
import type { Client, Resource } from '../client/client.ts';
import { Informer } from '../client/informer.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';

/** Indexes every cache has: `namespace`, and `owner`, the uid of the object that controls this one. */
const COMMON: Indexers<KubeObject> = {
  namespace: (object) => (object.metadata.namespace ? [object.metadata.namespace] : []),
  owner: (object) => {
    const owner = controllerOf(object);
    return owner ? [owner.uid] : [];
  },
};

/** Pods by the node they are bound to: '' for those that wait. */
export const byNode: Indexers<Pod> = { node: (pod) => [pod.spec?.nodeName ?? ''] };

export interface InformersOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Informers {
  readonly #options: InformersOptions;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(options: InformersOptions) {
    this.#options = options;
  }

  /** The one informer of `resource`. Only before `run`: what is asked for later would never start. */
  of<T extends KubeObject>(resource: Resource<T>, indexers: Indexers<T> = {}): Informer<T> {
    const key = `${resource.group}/${resource.plural}/${resource.representation ?? ''}`;
    let informer = this.#informers.get(key) as unknown as Informer<T> | undefined;
    if (!informer) {
      informer = new Informer({ ...this.#options, resource, indexers: COMMON });
      this.#informers.set(key, informer as unknown as Informer<KubeObject>);
    }
    informer.addIndexers(indexers);
    return informer;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.run(signal)));
  }
}
