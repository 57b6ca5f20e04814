// Paths that are no resources: health, version, discovery, OpenAPI, metrics. Each is made when first asked for.
import type { Catalogue } from '../../api/catalogue.ts';
import type { TokenIssuer } from '../authentication/service-account-tokens.ts';
import { Discovery } from '../discovery/discovery.ts';
import type { Metrics } from '../metrics.ts';
import { pathNotFound } from '../registry/verbs.ts';
import { VERSION } from '../version.ts';
import { JSON_OBJECT, negotiate, readAccept, unknownShape } from './negotiation.ts';
import { type Rendered, write } from './render.ts';
import type { RequestInfo } from './request-info.ts';

const OPENID_CONFIGURATION = '/.well-known/openid-configuration';
const KEYS = '/openid/v1/jwks';

/** A health check's name and what it finds: an error's text, or nothing. */
export type HealthCheck = readonly [name: string, check: () => string | undefined];

export interface DocumentsOptions {
  readonly catalogue: Catalogue;
  readonly metrics: Metrics;
  readonly checks: readonly HealthCheck[];
  /** `host:port` that clients find this server at; asked for when requests come. */
  readonly address: () => string;
  /** Whose tokens others may want to check. */
  readonly tokens: Pick<TokenIssuer, 'issuer' | 'key'>;
}

export class Documents {
  readonly #options: DocumentsOptions;
  readonly #discovery: Discovery;
  /** What takes long to make and is asked for by every kubectl, by name; good for as long as the catalogue does not change. */
  readonly #made = new Map<string, Promise<Rendered>>();

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#discovery = new Discovery(options.catalogue);
  }

  notFound(): Rendered {
    return text(404, '404 page not found\n');
  }

  async read(info: RequestInfo, accept: string | undefined): Promise<Rendered> {
    const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
    const words = path.split('/').slice(1);
    switch (words[0]) {
      case 'healthz':
      case 'livez':
      case 'readyz':
        return this.#health(words, info.query);
      case 'metrics':
        return { ...text(200, this.#options.metrics.text()), contentType: 'text/plain; version=0.0.4; charset=utf-8' };
      case 'version':
        if (words.length > 1) return this.notFound();
        // The one document that upstream indents, whoever asks.
        return { ...text(200, JSON.stringify(VERSION, null, 2)), contentType: 'application/json' };
      case 'openapi':
        return this.#openapi(words, accept);
      case 'api':
      case 'apis':
        return this.#discover(words, accept);
      case '.well-known':
        return path === OPENID_CONFIGURATION ? this.#openidConfiguration() : this.notFound();
      case 'openid':
        return path === KEYS ? this.#openidKeys() : this.notFound();
      case '':
        return this.#json({ paths: this.#paths() }, accept);
      default:
        return this.notFound();
    }
  }

  #health([endpoint, name, ...rest]: string[], query: URLSearchParams): Rendered {
    const { checks } = this.#options;
    if (rest.length > 0) return this.notFound();
    const asked = name === undefined ? checks : checks.filter(([known]) => known === name);
    if (asked.length === 0) return this.notFound();
    const found = asked.map(([known, check]) => ({ known, problem: check() }));
    const isFine = found.every(({ problem }) => problem === undefined);
    if (isFine && (name !== undefined || !query.has('verbose'))) return text(200, 'ok');
    const lines = found.map(({ known, problem }) => (problem ? `[-]${known} failed: ${problem}` : `[+]${known} ok`));
    const verdict = `${endpoint} check ${isFine ? 'passed' : 'failed'}`;
    return text(isFine ? 200 : 500, `${lines.join('\n')}\n${verdict}\n`);
  }

  async #discover(words: string[], accept: string | undefined): Promise<Rendered> {
    const discovery = this.#discovery;
    if (words.length === 1) {
      const version = aggregatedVersion(accept);
      if (version) {
        const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
        return { ...(await this.#json(discovery.aggregated(words[0], version), undefined)), contentType };
      }
      if (!negotiate(accept)) throw unknownShape();
      return this.#json(words[0] === 'api' ? discovery.versions(this.#options.address()) : discovery.groups(), accept);
    }
    const group = words[0] === 'api' ? '' : words[1];
    const version = words[0] === 'api' ? words[1] : words[2];
    if (!discovery.hasGroup(group)) return this.notFound();
    const document = version === undefined ? discovery.group(group) : discovery.resources(group, version);
    if (!document) throw pathNotFound();
    return this.#json(document, accept);
  }

  async #openapi(words: string[], accept: string | undefined): Promise<Rendered> {
    const { openapiV2, openapiV3, openapiV3Index } = await import('../discovery/openapi.ts');
    const { catalogue } = this.#options;
    if (words[1] === 'v2' && words.length === 2) {
      if (accept?.includes('proto-openapi.spec.v2'))
        return this.#once('openapi/v2', () => protobufOf(openapiV2(catalogue)));
      return this.#json(openapiV2(catalogue), jsonOnly(accept));
    }
    if (words[1] !== 'v3') return this.notFound();
    if (words.length === 2) {
      // Upstream answers the index as plain text.
      const contentType = 'text/plain; charset=utf-8';
      return this.#once('openapi/v3', async () => {
        return { ...(await this.#json(openapiV3Index(catalogue), undefined)), contentType };
      });
    }
    const document = openapiV3(catalogue, words.slice(2).join('/'));
    return document ? this.#json(document, jsonOnly(accept)) : this.notFound();
  }

  /** OpenID Connect Discovery 1.0, as much of it as who checks a token needs. */
  #openidConfiguration(): Rendered {
    const { address, tokens } = this.#options;
    const document = {
      issuer: tokens.issuer,
      jwks_uri: `https://${address()}${KEYS}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [tokens.key.algorithm],
    };
    return { ...text(200, JSON.stringify(document)), contentType: 'application/json' };
  }

  #openidKeys(): Rendered {
    const keys = [this.#options.tokens.key.jwk()];
    return { ...text(200, JSON.stringify({ keys })), contentType: 'application/jwk-set+json' };
  }

  #once(name: string, make: () => Promise<Rendered>): Promise<Rendered> {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made;
  }

  #json(value: unknown, accept: string | undefined): Promise<Rendered> {
    const representation = { ...(negotiate(accept) ?? JSON_OBJECT), shape: 'object' as const };
    return write(200, value, { representation, pretty: false });
  }

  #paths(): string[] {
    return [
      OPENID_CONFIGURATION,
      '/api',
      '/apis',
      ...this.#discovery.paths(),
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      KEYS,
      '/readyz',
      '/version',
    ];
  }
}

async function protobufOf(document: object): Promise<Rendered> {
  const { OPENAPI_V2_PROTOBUF, openapiV2Protobuf } = await import('../discovery/openapi-protobuf.ts');
  return { status: 200, contentType: OPENAPI_V2_PROTOBUF, body: openapiV2Protobuf(document) };
}

/** OpenAPI v3 is offered as JSON to whoever asks for protobuf: clients take what they get. */
const jsonOnly = (accept: string | undefined): string | undefined => (accept?.includes('yaml') ? accept : undefined);

const text = (status: number, body: string): Rendered => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: Buffer.from(body),
});

/** The version of aggregated discovery a client takes; undefined when it wants the old documents. */
function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  if (!accept?.includes('apidiscovery')) return undefined;
  for (const { type, parameters } of readAccept(accept)) {
    if (type !== 'application/json') continue;
    if (parameters.get('as') !== 'APIGroupDiscoveryList') return undefined;
    const version = parameters.get('v');
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}
