// From lines in CRI's log format (`TIME stdout|stderr F|P TEXT`) to what `kubectl logs` prints
// (kubernetes v1.36 pkg/kubelet/kuberuntime/logs, cri-client/pkg/logs).
import { Transform } from 'node:stream';
import type { LogQuery } from './log-query.ts';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const PART = 0x50;
/** Of a time with nine digits of nanoseconds; the names of both streams are six letters long, tags one. */
const TIME_LENGTH = 30;

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

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    // Never longer than what it is made of: only heads are left out.
    const out = Buffer.allocUnsafe(text.length);
    let [start, length] = [0, 0];
    for (let end = text.indexOf(NEWLINE); end >= 0 && this.#left > 0; end = text.indexOf(NEWLINE, start)) {
      length += this.#show(text, start, end, out.subarray(length));
      start = end + 1;
    }
    this.#rest = text.subarray(start);
    if (length > 0) this.push(out.subarray(0, length));
    if (this.#left <= 0) this.emit('full');
    done();
  }

  /** Writes what is shown of one line into `out`; returns how many bytes. */
  #show(text: Buffer, start: number, end: number, out: Buffer): number {
    const [time, stream, tag] = [start + TIME_LENGTH, start + TIME_LENGTH + 7, start + TIME_LENGTH + 9];
    const isLine = tag < end && text[time] === SPACE && text[stream] === SPACE && text[tag] === SPACE;
    if (!isLine) return 0; // cut off when the disk was full
    if (this.#since && text.toString('latin1', start, time) < this.#since) return 0;
    const { stream: wanted, timestamps } = this.#query;
    if (wanted && text.toString('latin1', time + 1, stream) !== wanted) return 0;
    const isPart = text[stream + 1] === PART;
    let length = 0;
    const add = (from: number, to: number): void => {
      const taken = Math.min(to - from, this.#left);
      text.copy(out, length, from, from + taken);
      length += taken;
      this.#left -= taken;
    };
    if (timestamps && !this.#isInside) add(start, time + 1);
    add(tag + 1, isPart ? end : end + 1);
    this.#isInside = isPart;
    return length;
  }
}
