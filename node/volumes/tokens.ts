// Tokens of a pod's service account, asked for once and again before they expire (upstream pkg/kubelet/token/token_manager.go).
import type { KubeObject } from '../../api/object.ts';
import type { TokenRequest } from '../../api/types/authentication.v1.ts';
import type { Pod, ServiceAccountTokenProjection } from '../../api/types/core.v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { serviceAccounts } from '../../client/resources.ts';
import type { Clock } from '../../host/clock.ts';

/** A token is renewed when this share of its life is over, or after a day. */
const RENEW_SHARE = 0.8;
const RENEW_MS = 24 * 3600 * 1000;
const DEFAULT_SECONDS = 3600;

interface Held {
  readonly token: string;
  /** ms since the epoch. */
  readonly renewAt: number;
}

const tokens = { ...serviceAccounts, group: '', kind: 'TokenRequest' } as Resource<KubeObject & TokenRequest>;

export class PodTokens {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async token(
    pod: Pod,
    { audience, expirationSeconds = DEFAULT_SECONDS }: ServiceAccountTokenProjection,
  ): Promise<string> {
    const key = `${audience ?? ''}\n${expirationSeconds}`;
    const held = this.#held.get(key);
    const now = this.#clock.now();
    if (held && now < held.renewAt) return held.token;
    const { name, namespace, uid } = pod.metadata;
    const answer = await this.#client.create(
      tokens,
      {
        apiVersion: 'authentication.k8s.io/v1',
        metadata: { name: pod.spec?.serviceAccountName || 'default', namespace },
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      } as KubeObject & TokenRequest,
      'token',
    );
    const { token = '', expirationTimestamp } = answer.status ?? {};
    const life = Date.parse(`${expirationTimestamp}`) - now;
    this.#held.set(key, { token, renewAt: now + Math.min(life * RENEW_SHARE, RENEW_MS) });
    return token;
  }

  /** ms since the epoch when the next one is due; undefined without tokens. */
  get renewAt(): number | undefined {
    const times = [...this.#held.values()].map(({ renewAt }) => renewAt);
    return times.length > 0 ? Math.min(...times) : undefined;
  }
}
