// What the proxy remembers of Services, and which of them changed since it last looked. No-ops collapse: an update that
// changes nothing the proxy reads (a label, an annotation, a resourceVersion) is no change.
import { isDeepStrictEqual } from 'node:util';
import { keyOf } from '../../api/object.ts';
import type { LoadBalancerIngress, Service, ServiceSpec } from '../../api/types/core.v1.ts';

/** What the API server is asked to leave out: headless Services, and those another proxy serves. */
export const SERVICE_SELECTOR = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';

/** The parts of a Service that plans are made of. */
export interface TrackedService {
  readonly namespace: string;
  readonly name: string;
  readonly spec: ServiceSpec;
  /** Where its load balancer answers. */
  readonly ingress: readonly LoadBalancerIngress[];
}

export class ServiceTracker {
  readonly #services = new Map<string, TrackedService>();
  readonly #changed = new Set<string>();

  get(key: string): TrackedService | undefined {
    return this.#services.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#services.keys();
  }

  /** Takes in an added or updated Service; returns whether anything changed. */
  set(service: Service): boolean {
    if (!isProxied(service)) return this.delete(keyOf(service));
    const key = keyOf(service);
    const now = track(service);
    if (isDeepStrictEqual(this.#services.get(key), now)) return false;
    this.#services.set(key, now);
    this.#changed.add(key);
    return true;
  }

  /** `key` is `namespace/name`; returns whether it was known. */
  delete(key: string): boolean {
    if (!this.#services.delete(key)) return false;
    this.#changed.add(key);
    return true;
  }

  /** How many Services changed since the last `take`. */
  get pending(): number {
    return this.#changed.size;
  }

  /** The keys changed since the last call; those that `isHeld` names stay for a later one. */
  take(isHeld: (key: string) => boolean = () => false): string[] {
    const keys = [...this.#changed].filter((key) => !isHeld(key));
    for (const key of keys) this.#changed.delete(key);
    return keys;
  }
}

/** Services without an own IP are not the proxy's (upstream ShouldSkipService), nor are those its selector names. */
function isProxied({ metadata, spec }: Service): boolean {
  const labels = metadata.labels ?? {};
  if ('service.kubernetes.io/headless' in labels || 'service.kubernetes.io/service-proxy-name' in labels) return false;
  return spec?.type !== 'ExternalName' && Boolean(spec?.clusterIP) && spec?.clusterIP !== 'None';
}

const track = ({ metadata, spec, status }: Service): TrackedService => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  spec: spec!,
  ingress: status?.loadBalancer?.ingress ?? [],
});
