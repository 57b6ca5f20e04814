// Paths that are no resources: health, version, discovery, OpenAPI, metrics. Each is made when first asked for.
import type { Catalogue } from '../../api/catalogue.ts';
import type { TokenIssuer } from '../authentication/service-account-tokens.ts';
import { Discovery } from '../discovery/discovery.ts';
import type { Metrics } from '../metrics.ts';
import { pathNotFound } from '../registry/verbs.ts';
import { VERSION } from '../version.ts';
import type { DocumentRequest } from './document-request.ts';
import { hashOf, tagged } from './entity-tags.ts';
import { JSON_OBJECT, negotiate, notAcceptableBut, readAccept, unknownShape } from './negotiation.ts';
import type { OpenAPIDocuments } from './openapi-documents.ts';
import { type Rendered, write } from './render.ts';

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
  #openapiDocuments: Promise<OpenAPIDocuments> | undefined;

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#discovery = new Discovery(options.catalogue);
  }

  notFound(): Rendered {
    return text(404, '404 page not found\n');
  }

  async read(request: DocumentRequest): Promise<Rendered> {
    const { info } = request;
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
        return (await this.#openapi(words, request)) ?? this.notFound();
      case 'api':
      case 'apis':
        return this.#discover(words, request);
      case '.well-known':
        return path === OPENID_CONFIGURATION ? this.#openidConfiguration(request) : this.notFound();
      case 'openid':
        return path === KEYS ? this.#openidKeys(request) : this.notFound();
      case '':
        return this.#json({ paths: this.#paths() }, request);
      default:
        return this.notFound();
    }
  }

  #health([endpoint, name, ...rest]: string[], query: URLSearchParams): Rendered {
    const { checks } = this.#options;
    if (rest.length > 0) return this.notFound();
    const asked = name === undefined ? checks : checks.filter(([known]) => known === name);
    if (asked.length === 0) return this.notFound();
    const excluded = new Set(name === undefined ? query.getAll('exclude') : []);
    let isFine = true;
    const lines = asked.map(([known, check]) => {
      if (excluded.delete(known)) return `[+]${known} excluded: ok\n`;
      const problem = check();
      if (problem) isFine = false;
      return problem ? `[-]${known} failed: ${problem}\n` : `[+]${known} ok\n`;
    });
    if (isFine && (name !== undefined || !query.has('verbose'))) return text(200, 'ok');
    if (excluded.size > 0) {
      const unknown = [...excluded].sort().map((one) => `"${one}"`);
      lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.join(',')}\n`);
    }
    const verdict = `${endpoint} check ${isFine ? 'passed' : 'failed'}`;
    return text(isFine ? 200 : 500, `${lines.join('')}${verdict}\n`);
  }

  async #discover(words: string[], request: DocumentRequest): Promise<Rendered> {
    const discovery = this.#discovery;
    const { accept } = request.headers;
    if (words.length === 1) {
      const version = aggregatedVersion(accept);
      if (version) return this.#aggregated(words[0], version, request);
      if (!negotiate(accept)) throw unknownShape();
      return this.#json(words[0] === 'api' ? discovery.versions(this.#options.address()) : discovery.groups(), request);
    }
    const group = words[0] === 'api' ? '' : words[1];
    const version = words[0] === 'api' ? words[1] : words[2];
    if (!discovery.hasGroup(group)) return this.notFound();
    const document = version === undefined ? discovery.group(group) : discovery.resources(group, version);
    if (!document) throw pathNotFound();
    return this.#json(document, request);
  }

  #aggregated(root: string, version: 'v2' | 'v2beta1', { headers }: DocumentRequest): Rendered {
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const body = JSON.stringify(this.#discovery.aggregated(root, version));
    const ifNoneMatch = headers['if-none-match'];
    return tagged({ ...text(200, body), contentType }, { tag: hashOf(body), ifNoneMatch, cacheControl: 'public' });
  }

  /** OpenID Connect Discovery 1.0, as much of it as who checks a token needs. */
  #openidConfiguration({ headers }: DocumentRequest): Rendered {
    const { address, tokens } = this.#options;
    const document = {
      issuer: tokens.issuer,
      jwks_uri: `https://${address()}${KEYS}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [tokens.key.algorithm],
    };
    return publicDocument(document, 'application/json', headers.accept);
  }

  #openidKeys({ headers }: DocumentRequest): Rendered {
    const keys = [this.#options.tokens.key.jwk()];
    return publicDocument({ keys }, 'application/jwk-set+json', headers.accept);
  }

  /** Loaded when first asked for. */
  async #openapi(words: string[], request: DocumentRequest): Promise<Rendered | undefined> {
    this.#openapiDocuments ??= import('./openapi-documents.ts').then(
      ({ OpenAPIDocuments }) => new OpenAPIDocuments(this.#options.catalogue),
    );
    return (await this.#openapiDocuments).read(words, request);
  }

  #json(value: unknown, { headers, pretty }: DocumentRequest): Promise<Rendered> {
    const representation = { ...(negotiate(headers.accept) ?? JSON_OBJECT), shape: 'object' as const };
    return write(200, value, { representation, pretty });
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

const text = (status: number, body: string): Rendered => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: Buffer.from(body),
});

/** What anybody may keep for an hour. Throws 406 for who takes another type. */
function publicDocument(document: object, contentType: string, accept: string | undefined): Rendered {
  const isTaken = !accept || readAccept(accept).some(({ type }) => type === contentType || type === '*/*');
  if (!isTaken) throw notAcceptableBut(contentType);
  return { ...text(200, JSON.stringify(document)), contentType, headers: { 'cache-control': 'public, max-age=3600' } };
}

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
