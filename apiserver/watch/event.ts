// One change of a resource as watchers see it. Decoded at most once per version, encoded at most once per representation,
// however many watchers there are.
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { decodeStored, isStoredForm } from '../registry/codec.ts';
import type { Change } from '../storage/store.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Answers whether an object is one a watcher asked for. */
export type Filter = (object: AnyObject) => boolean;

interface Decoded {
  readonly current?: AnyObject;
  readonly previous?: AnyObject;
}

export class FeedEvent {
  readonly revision: number;
  readonly key: string;
  readonly #change: Change;
  readonly #decoded = new Map<Kind, Decoded>();
  readonly #encoded = new Map<string, Buffer>();

  constructor(change: Change) {
    this.#change = change;
    this.revision = change.revision;
    this.key = change.type === 'put' ? change.entry.key : change.key;
  }

  /** What a watcher with `filter` is told: an object that begins to match is ADDED, one that ceases to is DELETED. */
  typeFor(kind: Kind, filter: Filter | undefined): EventType | undefined {
    const change = this.#change;
    const isThere = change.type === 'put';
    const wasThere = change.previous !== undefined;
    if (!filter) return !isThere ? 'DELETED' : wasThere ? 'MODIFIED' : 'ADDED';
    const { current, previous } = this.#objects(kind);
    const is = isThere && filter(current!);
    const was = wasThere && filter(previous!);
    if (is) return was ? 'MODIFIED' : 'ADDED';
    return was ? 'DELETED' : undefined;
  }

  /**
   * The object of the event: the new one, or for DELETED the last one that was seen, with the version of the deletion.
   * Shared by all watchers: nobody may change it.
   */
  objectFor(kind: Kind, type: EventType): AnyObject {
    const { current, previous } = this.#objects(kind);
    if (type !== 'DELETED') return current!;
    return { ...previous!, metadata: { ...previous!.metadata, resourceVersion: String(this.revision) } };
  }

  /** The line of a JSON watch. `render` turns the object into JSON for representations other than the object itself. */
  line(kind: Kind, type: EventType, representation: string, render?: (object: AnyObject) => string): Buffer {
    const id = `${type} ${representation} ${kind.group}/${kind.version}`;
    let line = this.#encoded.get(id);
    if (!line) {
      line = this.#encode(kind, type, render);
      this.#encoded.set(id, line);
    }
    return line;
  }

  #encode(kind: Kind, type: EventType, render?: (object: AnyObject) => string): Buffer {
    const change = this.#change;
    if (!render && type !== 'DELETED' && change.type === 'put' && isStoredForm(kind)) {
      return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), change.entry.value, LINE_END]);
    }
    const object = this.objectFor(kind, type);
    return Buffer.from(`{"type":"${type}","object":${render ? render(object) : JSON.stringify(object)}}\n`);
  }

  #objects(kind: Kind): Decoded {
    let decoded = this.#decoded.get(kind);
    if (!decoded) {
      const change = this.#change;
      decoded = {
        ...(change.type === 'put' && { current: decodeStored(kind, change.entry.value) }),
        ...(change.previous && { previous: decodeStored(kind, change.previous.value) }),
      };
      this.#decoded.set(kind, decoded);
    }
    return decoded;
  }
}

const LINE_END = Buffer.from('}\n');
