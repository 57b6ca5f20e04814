// From lines in CRI's log format (`TIME stdout|stderr F|P TEXT`) to what `kubectl logs` prints
// (kubernetes v1.36 pkg/kubelet/kuberuntime/logs, cri-client/pkg/logs).
import { Transform } from 'node:stream';
import type { LogQuery } from './log-query.ts';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const PART = 0x50;
/** Of a time with nine digits of nanoseconds. */
const TIME_LENGTH = 30;
/** Of the space before a stream's name and the name: both have six letters. A tag has one. */
const STREAM_LENGTH = 7;

/** Nanoseconds are always written with nine digits, so that times compare as text. */
export function logTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000000Z`;
}

/** Cuts a log's bytes into lines, drops those nobody asked for, and gives out the text of the rest. Ends early at the limit. */
export class LogLines extends Transform {
  readonly #query: LogQuery;
  readonly #since: string;
  #rest: Buffer = Buffer.alloc(0);
  #left: number;
  /** The last line was a part: what follows belongs to it. */
  #isInside = false;

  constructor(query: LogQuery) {
    super();
    this.#query = query;
    this.#since = query.since === undefined ? '' : logTime(query.since);
    this.#left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** The chunk becomes ours: what is shown of it is moved together in its own memory. */
  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let [start, length] = [0, 0];
    for (let end = text.indexOf(NEWLINE); end >= 0 && this.#left > 0; end = text.indexOf(NEWLINE, start)) {
      if (this.#isShown(text, start, end)) length = this.#show(text, start, end, length);
      start = end + 1;
    }
    this.#rest = text.subarray(start);
    if (length > 0) this.push(text.subarray(0, length));
    if (this.#left <= 0) this.emit('full');
    done();
  }

  #isShown(text: Buffer, start: number, end: number): boolean {
    const time = start + TIME_LENGTH;
    const stream = time + STREAM_LENGTH;
    const isLine = stream + 2 < end && text[time] === SPACE && text[stream] === SPACE && text[stream + 2] === SPACE;
    if (!isLine) return false; // cut off when the disk was full
    if (this.#since && text.toString('latin1', start, time) < this.#since) return false;
    const { stream: wanted } = this.#query;
    return !wanted || text.toString('latin1', time + 1, stream) === wanted;
  }

  /** Moves what is shown of one line to `at`, which is never behind it; returns where the next one goes. */
  #show(text: Buffer, start: number, end: number, at: number): number {
    const tag = start + TIME_LENGTH + STREAM_LENGTH + 1;
    const isPart = text[tag] === PART;
    const hasTime = this.#query.timestamps && !this.#isInside;
    this.#isInside = isPart;
    const next = hasTime ? this.#move(text, start, start + TIME_LENGTH + 1, at) : at;
    return this.#move(text, tag + 2, isPart ? end : end + 1, next);
  }

  #move(text: Buffer, from: number, to: number, at: number): number {
    const taken = Math.min(to - from, this.#left);
    text.copyWithin(at, from, from + taken);
    this.#left -= taken;
    return at + taken;
  }
}
