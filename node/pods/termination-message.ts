// What a container leaves to be read when it has ended: a file it may write, or the end of its log (upstream
// pkg/kubelet/kuberuntime/kuberuntime_container.go getTerminationMessage).
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Container } from '../../api/types/core.v1.ts';

/** Bytes of a message at most; all of a pod's messages together have no more than three times as many. */
const MOST = 4096;
const MOST_OF_POD = 12 * 1024;
/** What of a log stands in for a message. */
const LOG_BYTES = 2048;
const LOG_LINES = 80;

export interface Ended {
  readonly spec: Container;
  readonly exitCode: number;
  /** The file the container saw at its terminationMessagePath. */
  readonly file: string;
  readonly log: string;
  /** How many containers of the pod share the room. */
  readonly containers: number;
}

/** '' when it left nothing. */
export function terminationMessage({ spec, exitCode, file, log, containers }: Ended): string {
  const room = Math.min(MOST, Math.floor(MOST_OF_POD / Math.max(1, containers)));
  const message = spec.terminationMessagePath === '' ? '' : head(file, room);
  if (message || exitCode === 0 || spec.terminationMessagePolicy !== 'FallbackToLogsOnError') return message;
  return logTail(tail(log, 4 * LOG_BYTES), Math.min(room, LOG_BYTES));
}

/** The last lines of a log in CRI's format, without the times. */
export function logTail(text: string, bytes: number): string {
  const lines = text.split('\n').flatMap((line) => {
    const [, tag, said] = /^\S+ (?:stdout|stderr) ([FP])(?: |$)(.*)$/.exec(line) ?? [];
    return tag ? [tag === 'F' ? `${said}\n` : said] : [];
  });
  const whole = Buffer.from(lines.slice(-LOG_LINES).join(''));
  return whole.subarray(Math.max(0, whole.length - bytes)).toString();
}

function head(path: string, bytes: number): string {
  return read(path, () => 0, bytes);
}

function tail(path: string, bytes: number): string {
  return read(path, (size) => Math.max(0, size - bytes), bytes);
}

function read(path: string, from: (size: number) => number, bytes: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readSync(file, buffer, 0, bytes, from(fstatSync(file).size))).toString();
  } finally {
    closeSync(file);
  }
}
