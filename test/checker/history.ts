// What happened to the objects, as one watcher saw it that was always there; every other watcher and list is judged by it.
// Pure: it hears of writes and events, and says what is wrong.

export interface Seen {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly name: string;
  readonly color: string;
  /** Unique to the write that made this state; of DELETED, the state that was seen last. */
  readonly value: string;
}

/** Chooses objects by label or name; absent: all of them. */
export interface Selector {
  readonly query: string;
  matches(object: { readonly name: string; readonly color: string }): boolean;
}

export const EVERYTHING: Selector = { query: '', matches: () => true };

/** What became of a write, as far as its writer knows. */
type Fate = { readonly fate: 'acknowledged'; readonly revision: number } | { readonly fate: 'refused' | 'unknown' };

interface Happened extends Seen {
  /** ms since the epoch. */
  readonly heardAt: number;
  readonly previous: Seen | undefined;
}

const describe = ({ revision, type, name, value }: Seen): string => `${revision} ${type} ${name} ${value}`;

export class History {
  readonly #events: Happened[] = [];
  readonly #current = new Map<string, Seen>();
  readonly #writes = new Map<string, Fate>();
  readonly #deletions: { readonly name: string; readonly after: number }[] = [];

  /** The newest revision that is known, or 0. */
  get revision(): number {
    return this.#events.at(-1)?.revision ?? 0;
  }

  get length(): number {
    return this.#events.length;
  }

  /** The revision of one of the newest `count` events, `position` of the way through them (0 … 1); 0 when there are none. */
  revisionNear(count: number, position: number): number {
    const first = Math.max(0, this.#events.length - count);
    return this.#events[first + Math.floor(position * (this.#events.length - first))]?.revision ?? 0;
  }

  /** The next event of the one who hears all. Returns what is wrong with it. */
  hear(event: Seen, heardAt: number): string | undefined {
    const previous = this.#current.get(event.name);
    const { revision } = this;
    this.#events.push({ ...event, heardAt, previous });
    if (event.type === 'DELETED') this.#current.delete(event.name);
    else this.#current.set(event.name, event);
    if (event.revision <= revision) return `${describe(event)} came after revision ${revision}`;
    if (event.type === 'ADDED' && previous) return `${describe(event)}: it was there`;
    if (event.type !== 'ADDED' && !previous) return `${describe(event)}: it was not there`;
    if (event.type === 'DELETED' && previous?.value !== event.value)
      return `${describe(event)}: it was ${previous?.value}`;
    return undefined;
  }

  wrote(value: string, fate: Fate): void {
    this.#writes.set(value, fate);
  }

  /** An acknowledged deletion of an object whose last write the writer knows of was `after`. */
  deleted(name: string, after: number): void {
    this.#deletions.push({ name, after });
  }

  /** What a watcher that began after `from` must have been told up to and with `upTo`. */
  expected(from: number, upTo: number, selector: Selector): Seen[] {
    const events: Seen[] = [];
    for (let i = this.#indexAfter(from); i < this.#events.length && this.#events[i].revision <= upTo; i++) {
      const event = this.#events[i];
      const is = event.type !== 'DELETED' && selector.matches(event);
      const was = event.previous !== undefined && selector.matches(event.previous);
      if (is) events.push({ ...event, type: was ? 'MODIFIED' : 'ADDED' });
      else if (was) events.push({ ...event.previous!, type: 'DELETED', revision: event.revision });
    }
    return events;
  }

  /** The objects that a list as of `revision` must hold, by name. */
  stateAt(revision: number, selector: Selector): Seen[] {
    const state = new Map<string, Seen>();
    for (const event of this.#events) {
      if (event.revision > revision) break;
      if (event.type === 'DELETED') state.delete(event.name);
      else state.set(event.name, event);
    }
    return [...state.values()].filter((object) => selector.matches(object)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** ms since the first event after `revision`; 0 when there is none: so long ago it was the newest. */
  ageOf(revision: number, now: number): number {
    const next = this.#events[this.#indexAfter(revision)];
    return next ? now - next.heardAt : 0;
  }

  /** What writers were promised and did not get, and what nobody wrote. */
  brokenPromises(): string[] {
    const byValue = new Map<string, Seen>();
    const problems: string[] = [];
    for (const event of this.#events) {
      if (event.type === 'DELETED') continue;
      if (byValue.has(event.value)) problems.push(`${describe(event)} is there twice`);
      byValue.set(event.value, event);
      if (!this.#writes.has(event.value)) problems.push(`${describe(event)}: nobody wrote it`);
    }
    for (const [value, write] of this.#writes) {
      const event = byValue.get(value);
      if (write.fate === 'refused' && event) problems.push(`${describe(event)} was refused`);
      if (write.fate !== 'acknowledged') continue;
      if (event?.revision !== write.revision)
        problems.push(`${value} was acknowledged at ${write.revision}, not heard of`);
    }
    for (const { name, after } of this.#deletions) {
      const next = this.#events.find((event) => event.name === name && event.revision > after);
      if (next?.type !== 'DELETED')
        problems.push(`the deletion of ${name} after ${after} was acknowledged, not heard of`);
    }
    return problems;
  }

  #indexAfter(revision: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle].revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first place where two sequences of events differ; undefined when they do not. */
export function difference(got: readonly Seen[], wanted: readonly Seen[]): string | undefined {
  for (let i = 0; i < Math.max(got.length, wanted.length); i++) {
    const [one, other] = [got[i], wanted[i]].map((event) => (event ? describe(event) : 'nothing'));
    if (one !== other) return `event ${i + 1} is ${one}, not ${other}`;
  }
  return undefined;
}
