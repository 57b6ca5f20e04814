// Which ConfigMaps and Secrets a pod's volumes are made of, and a bell that rings when one of them changes.
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';

export interface Reference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly namespace: string;
  readonly name: string;
}

/** Without those that nobody can name twice. */
export function volumeReferences(pod: Pod): Reference[] {
  const namespace = pod.metadata.namespace ?? 'default';
  const found = new Map<string, Reference>();
  const add = (kind: Reference['kind'], name: string | undefined): void => {
    if (name) found.set(`${kind}/${name}`, { kind, namespace, name });
  };
  for (const { configMap, secret, projected } of pod.spec?.volumes ?? []) {
    add('ConfigMap', configMap?.name);
    add('Secret', secret?.secretName);
    for (const source of projected?.sources ?? []) {
      add('ConfigMap', source.configMap?.name);
      add('Secret', source.secret?.name);
    }
  }
  return [...found.values()];
}

interface Followed {
  readonly listeners: Set<() => void>;
  readonly stop: AbortController;
}

/** One watch per object that some pod of this node mounts (upstream pkg/kubelet/util/manager/watch_based_manager.go). */
export class FollowedObjects {
  readonly #options: { client: Client; clock: Clock; log: Logger };
  readonly #followed = new Map<string, Followed>();
  readonly #loops = new Set<Promise<void>>();

  constructor(options: { client: Client; clock: Clock; log: Logger }) {
    this.#options = options;
  }

  /** Calls `changed` whenever the object appears, changes or goes. Returns what ends that. */
  follow(reference: Reference, changed: () => void): () => void {
    const key = `${reference.kind}/${reference.namespace}/${reference.name}`;
    const followed = this.#followed.get(key) ?? this.#begin(key, reference);
    followed.listeners.add(changed);
    return () => {
      followed.listeners.delete(changed);
      if (followed.listeners.size > 0) return;
      followed.stop.abort();
      if (this.#followed.get(key) === followed) this.#followed.delete(key);
    };
  }

  /** Resolves when `signal` has aborted and every watch has ended. */
  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    for (const { stop } of this.#followed.values()) stop.abort();
    await Promise.all(this.#loops);
  }

  #begin(key: string, { kind, namespace, name }: Reference): Followed {
    const { log } = this.#options;
    const followed: Followed = { listeners: new Set(), stop: new AbortController() };
    this.#followed.set(key, followed);
    const resource = (kind === 'ConfigMap' ? configMaps : secrets) as Resource<KubeObject>;
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = new Informer({ ...this.#options, resource, selection });
    const tell = (): void => {
      for (const changed of followed.listeners) changed();
    };
    informer.addHandlers({ add: tell, update: tell, delete: tell });
    const loop: Promise<void> = informer
      .run(followed.stop.signal)
      .catch((error: Error) => log.error({ err: error }, 'an object of a volume is no longer followed'))
      .finally(() => this.#loops.delete(loop));
    this.#loops.add(loop);
    return followed;
  }
}
