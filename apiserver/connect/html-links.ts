// Links in the pages of a proxied program: those that begin at its root must lead through the proxy
// (k8s.io/apimachinery pkg/util/proxy/transport.go).
import type { IncomingHttpHeaders } from 'node:http';
import { type Duplex, Transform } from 'node:stream';
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';

/** Attributes that hold a URL, whatever element they stand at. */
const LINK =
  /(\s(?:action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap)\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/gi;
/** A start tag; quotes may hold what would end it. */
const TAG = /<[a-z](?:"[^"]*"|'[^']*'|[^"'>])*>/gi;
/** Characters that are held back at most for a tag to end. */
const MOST_HELD = 64 * 1024;

export interface ProxiedPlace {
  /** The path under which the program's root appears: `/api/v1/namespaces/…/proxy`. */
  readonly place: string;
  /** Hosts by which the program calls itself. */
  readonly hosts: readonly string[];
}

/** A URL as it must be seen from outside: unchanged when it is relative, or leads elsewhere. */
export function outerURL(url: string, { place, hosts }: ProxiedPlace): string {
  const [, host, path] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(url) ?? [undefined, undefined, url];
  if (host !== undefined && !hosts.includes(host)) return url;
  if (!path.startsWith('/')) return host === undefined ? url : `${place}/${path}`;
  const isOuter = path === place || path.startsWith(`${place}/`);
  return isOuter ? path : `${place}${path}`;
}

/** Rewrites the links of an HTML page that passes through. */
class HTMLLinks extends Transform {
  readonly #where: ProxiedPlace;
  #held = '';

  constructor(where: ProxiedPlace) {
    super();
    this.#where = where;
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = this.#held + chunk.toString('latin1'); // bytes stay what they are
    const open = text.lastIndexOf('<');
    const isOpen = open >= 0 && text.length - open < MOST_HELD && !text.includes('>', open);
    this.#held = isOpen ? text.slice(open) : '';
    this.#tell(isOpen ? text.slice(0, open) : text);
    done();
  }

  override _flush(done: () => void): void {
    this.#tell(this.#held);
    done();
  }

  #tell(text: string): void {
    const told = text.replace(TAG, (tag) =>
      tag.replace(LINK, (_whole, name: string, value: string) => {
        const quote = /^["']/.exec(value)?.[0] ?? '';
        const url = quote ? value.slice(1, -1) : value;
        return `${name}${quote}${outerURL(url.trim(), this.#where)}${quote}`;
      }),
    );
    if (told) this.push(Buffer.from(told, 'latin1'));
  }
}

/** Unpacking and packing again, by Content-Encoding. */
const ENCODINGS: Readonly<Record<string, readonly [() => Duplex, () => Duplex]>> = {
  gzip: [createGunzip, createGzip],
  deflate: [createInflate, createDeflate],
};

/** What an answer passes through on its way out, the first first; undefined when it goes out as it is. */
export function pageRewriters(headers: IncomingHttpHeaders, where: ProxiedPlace): Duplex[] | undefined {
  if (!/^text\/html\b/i.test(headers['content-type'] ?? '')) return undefined;
  const encoding = headers['content-encoding'];
  if (!encoding) return [new HTMLLinks(where)];
  const [unpack, pack] = Object.hasOwn(ENCODINGS, encoding) ? ENCODINGS[encoding] : [];
  return unpack && pack && [unpack(), new HTMLLinks(where), pack()];
}
