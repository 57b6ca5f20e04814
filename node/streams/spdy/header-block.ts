// Header blocks of SPDY/3.1 (2.6.10): names and values, compressed by one zlib stream per direction and connection that starts with
// the dictionary of the specification.
import { createInflate, type Inflate } from 'node:zlib';
import { ProtocolError } from './frames.ts';

/** The dictionary's words, each written with its length (32 bits) before it; then text without any. */
// biome-ignore format: the words of the specification
const WORDS = [
  'options', 'head', 'post', 'put', 'delete', 'trace', 'accept', 'accept-charset', 'accept-encoding', 'accept-language',
  'accept-ranges', 'age', 'allow', 'authorization', 'cache-control', 'connection', 'content-base', 'content-encoding',
  'content-language', 'content-length', 'content-location', 'content-md5', 'content-range', 'content-type', 'date', 'etag',
  'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since',
  'last-modified', 'location', 'max-forwards', 'pragma', 'proxy-authenticate', 'proxy-authorization', 'range', 'referer',
  'retry-after', 'server', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent', 'vary', 'via', 'warning',
  'www-authenticate', 'method', 'get', 'status', '200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive',
  'origin',
];
const TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden' +
  '404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

/** 1423 bytes; zlib knows it as 0xe3c6a7c2. */
export const DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.flatMap((word) => [uint32(word.length), Buffer.from(word)]),
  Buffer.from(TEXT),
]);

/** Bytes that a block may grow to. */
const LIMIT = 256 * 1024;

export type Headers = ReadonlyMap<string, string>;

/** Reads the blocks of one connection, in their order. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: DICTIONARY });
  #chunks: Buffer[] = [];
  #failure: Error | undefined;
  #settle = (): void => {};

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#inflate.on('error', (error) => {
      this.#failure = error;
      this.#settle();
    });
  }

  /** Names in lower case. Rejects with ProtocolError. One call at a time. */
  async read(block: Buffer): Promise<Headers> {
    if (!this.#failure)
      await new Promise<void>((resolve) => {
        // Every block ends with a flush, so that all of it comes out before the callback.
        this.#settle = resolve;
        this.#inflate.write(block, () => resolve());
      });
    if (this.#failure) throw new ProtocolError(`header block: ${this.#failure.message}`);
    const plain = Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (plain.length > LIMIT) throw new ProtocolError(`header block of ${plain.length} bytes`);
    return parsePairs(plain);
  }

  close(): void {
    this.#inflate.destroy();
  }
}

/** An empty block: what zlib ends a flush with, and what Go waits for before it gives out what it has read. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Writes the blocks of one connection. */
export class HeaderWriter {
  #hasBegun = false;

  /** What we say is short: it goes uncompressed, which zlib allows (RFC 1951, 3.2.4), and which no secret can leak through. */
  write(headers: Headers): Buffer {
    const plain = Buffer.concat([
      uint32(headers.size),
      ...[...headers].flatMap(([name, value]) => [text(name.toLowerCase()), text(value)]),
    ]);
    if (plain.length > 0xffff) throw new RangeError(`header block of ${plain.length} bytes`);
    const stored = Buffer.from([
      0,
      plain.length & 0xff,
      plain.length >> 8,
      ~plain.length & 0xff,
      (~plain.length >> 8) & 0xff,
    ]);
    const begin = this.#hasBegun ? [] : [Buffer.from([0x78, 0x01])];
    this.#hasBegun = true;
    return Buffer.concat([...begin, stored, plain, FLUSH]);
  }
}

function parsePairs(plain: Buffer): Headers {
  const headers = new Map<string, string>();
  let at = 0;
  const number = (): number => {
    if (at + 4 > plain.length) throw new ProtocolError('header block breaks off');
    at += 4;
    return plain.readUInt32BE(at - 4);
  };
  const string = (): string => {
    const length = number();
    if (at + length > plain.length) throw new ProtocolError('header block breaks off');
    at += length;
    return plain.toString('utf8', at - length, at);
  };
  for (let left = number(); left > 0; left--) headers.set(string().toLowerCase(), string());
  return headers;
}

function uint32(number: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(number);
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
