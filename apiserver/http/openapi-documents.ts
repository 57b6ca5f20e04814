// /openapi/v2 and /openapi/v3: documents that clients keep by their tags, or for good by their hash.
import type { Catalogue } from '../../api/catalogue.ts';
import { documentPaths, openapiV2, openapiV3, openapiV3Index } from '../discovery/openapi.ts';
import type { DocumentRequest } from './document-request.ts';
import { hashOf, tagged } from './entity-tags.ts';
import { JSON_OBJECT, negotiate } from './negotiation.ts';
import { type Rendered, write } from './render.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;

export class OpenAPIDocuments {
  readonly #catalogue: Catalogue;
  /** What takes long to make and is asked for by every kubectl, by name; good for as long as the catalogue does not change. */
  readonly #made = new Map<string, Promise<Rendered>>();
  /** Of what was made: megabytes that are not hashed for every request. */
  readonly #hashes = new WeakMap<Buffer, string>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** `words`: those of the path. Undefined when there is no such document. */
  read([, version, ...words]: readonly string[], request: DocumentRequest): Promise<Rendered | undefined> {
    if (version === 'v2' && words.length === 0) return this.#whole(request);
    if (version !== 'v3') return Promise.resolve(undefined);
    return words.length === 0 ? this.#index() : this.#ofGroup(words.join('/'), request);
  }

  async #whole({ headers: { accept, 'if-none-match': ifNoneMatch } }: DocumentRequest): Promise<Rendered> {
    const isProtobuf = accept?.includes('proto-openapi.spec.v2');
    const document = isProtobuf
      ? await this.#once('v2 in protobuf', async () => protobufOf(parsed(await this.#v2())))
      : await asAsked(await this.#v2(), accept);
    return tagged(document, { tag: this.#hashOf(document), ifNoneMatch });
  }

  #v2(): Promise<Rendered> {
    return this.#once('v2', () => plainJson(openapiV2(this.#catalogue)));
  }

  /** Upstream answers it as plain text. */
  #index(): Promise<Rendered> {
    return this.#once('v3', async () => {
      const hashes = new Map<string, string>();
      for (const path of documentPaths(this.#catalogue)) hashes.set(path, this.#hashOf(await this.#v3(path)));
      return { ...(await plainJson(openapiV3Index(hashes))), contentType: 'text/plain; charset=utf-8' };
    });
  }

  /** The index names each group's document with its hash: what is asked for by that never changes. */
  async #ofGroup(path: string, { info, headers }: DocumentRequest): Promise<Rendered | undefined> {
    if (!documentPaths(this.#catalogue).includes(path)) return undefined;
    const document = await this.#v3(path);
    const tag = this.#hashOf(document);
    const asked = info.query.get('hash');
    if (asked && asked !== tag) return moved(path, tag);
    const kept = { cacheControl: 'public, immutable', expires: new Date(Date.now() + YEAR_MS).toUTCString() };
    const ifNoneMatch = headers['if-none-match'];
    return tagged(await asAsked(document, headers.accept), { tag, ifNoneMatch, ...(asked && kept) });
  }

  #v3(path: string): Promise<Rendered> {
    return this.#once(`v3/${path}`, () => plainJson(openapiV3(this.#catalogue, path)));
  }

  #hashOf({ body }: Rendered): string {
    const hash = this.#hashes.get(body) ?? hashOf(body);
    this.#hashes.set(body, hash);
    return hash;
  }

  #once(name: string, make: () => Promise<Rendered>): Promise<Rendered> {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made;
  }
}

function moved(path: string, tag: string): Rendered {
  const headers = { etag: `"${tag}"`, location: `/openapi/v3/${path}?hash=${tag}`, vary: 'Accept' };
  return { status: 301, contentType: 'application/json', body: Buffer.alloc(0), headers };
}

async function protobufOf(document: object): Promise<Rendered> {
  const { OPENAPI_V2_PROTOBUF, openapiV2Protobuf } = await import('../discovery/openapi-protobuf.ts');
  return { status: 200, contentType: OPENAPI_V2_PROTOBUF, body: openapiV2Protobuf(document) };
}

/** Never indented. */
function plainJson(value: unknown): Promise<Rendered> {
  return write(200, value, { representation: JSON_OBJECT, pretty: false });
}

/** YAML for who wants it, and JSON for whoever asks for protobuf: clients take what they get. */
async function asAsked(document: Rendered, accept: string | undefined): Promise<Rendered> {
  const representation = accept?.includes('yaml') && negotiate(accept);
  if (!representation) return document;
  return write(200, parsed(document), { representation: { ...representation, shape: 'object' }, pretty: false });
}

const parsed = (document: Rendered): object => JSON.parse(document.body.toString());
