// A watch on the wire: one JSON document per line, over HTTP/1.1 chunks, an HTTP/2 stream or a WebSocket. Lines that all watchers of a
// representation see are encoded once. A client that does not read is ended, never waited for.
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf } from '../../api/object.ts';
import { type IncludeObject, tableOf } from '../../api/table.ts';
import { decodeStored, jsonOf } from '../registry/codec.ts';
import type { WatchSink } from '../registry/registry.ts';
import type { EventType, FeedEvent } from '../watch/event.ts';
import type { Representation } from './negotiation.ts';
import { partial } from './render.ts';

/** Bytes a client may leave unread before its watch is ended; it starts anew from its last version. */
const MAX_UNREAD = 8 * 1024 * 1024;

/** Where the lines go. A `ServerResponse` is one. */
export interface WatchLines {
  readonly destroyed: boolean;
  /** Bytes that the client has not taken yet. */
  readonly writableLength: number;
  write(line: Buffer | string): unknown;
  end(): unknown;
  destroy(): unknown;
  on(event: 'close', heard: () => void): unknown;
}

export interface WatchResponseOptions {
  readonly kind: Kind;
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly lines: WatchLines;
  readonly now: () => number;
  /** Called once when the client falls too far behind. */
  readonly tooSlow: () => void;
}

export class WatchResponse implements WatchSink {
  readonly #options: WatchResponseOptions;
  readonly #apiVersion: string;
  #hasColumns = false;
  #isEnded = false;

  constructor(options: WatchResponseOptions) {
    this.#options = options;
    this.#apiVersion = `meta.k8s.io/${options.representation.version}`;
  }

  initial(value: Buffer): void {
    const { kind, representation } = this.#options;
    if (representation.shape === 'object') {
      this.#write(Buffer.concat([ADDED, jsonOf(kind, value), LINE_END]));
    } else this.#write(`{"type":"ADDED","object":${this.#reduced(decodeStored(kind, value))}}\n`);
  }

  event(event: FeedEvent, type: EventType): void {
    const { kind, representation } = this.#options;
    const { shape } = representation;
    if (shape === 'object') this.#write(event.line(kind, type, shape));
    // A Table's cells hold ages and its first event the columns: it is written for this watcher alone.
    else if (shape === 'Table')
      this.#write(`{"type":"${type}","object":${this.#reduced(event.objectFor(kind, type))}}\n`);
    else this.#write(event.line(kind, type, shape, (object) => this.#reduced(object)));
  }

  bookmark(revision: number, annotations?: Record<string, string>): void {
    const { kind, representation } = this.#options;
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) };
    const plain = { kind: kind.kind, apiVersion: apiVersionOf(kind.group, kind.version), metadata };
    const table = { kind: 'Table', apiVersion: this.#apiVersion, metadata, columnDefinitions: null, rows: null };
    const reduced = { kind: 'PartialObjectMetadata', apiVersion: this.#apiVersion, metadata };
    const object = { object: plain, Table: table, PartialObjectMetadata: reduced, PartialObjectMetadataList: reduced };
    this.#write(`{"type":"BOOKMARK","object":${JSON.stringify(object[representation.shape])}}\n`);
  }

  /** The last line of a watch that fails after it began. `status` is a metav1.Status. */
  error(status: object): void {
    this.#write(`{"type":"ERROR","object":${JSON.stringify(status)}}\n`);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.lines.end();
  }

  #reduced(object: AnyObject): string {
    const { kind, representation, includeObject, now } = this.#options;
    if (representation.shape !== 'Table') return JSON.stringify(partial(object, this.#apiVersion));
    const { resourceVersion } = object.metadata;
    const table = tableOf(kind, [object], now(), {
      includeObject,
      version: representation.version,
      metadata: { resourceVersion },
    });
    if (this.#hasColumns) table.columnDefinitions = null;
    this.#hasColumns = true;
    return JSON.stringify(table);
  }

  #write(line: Buffer | string): void {
    const { lines, tooSlow } = this.#options;
    if (this.#isEnded || lines.destroyed) return;
    lines.write(line);
    if (lines.writableLength <= MAX_UNREAD) return;
    this.#isEnded = true;
    tooSlow();
  }
}

const ADDED = Buffer.from('{"type":"ADDED","object":');
const LINE_END = Buffer.from('}\n');
