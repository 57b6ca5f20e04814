// A thousand watchers and one writer, in a process of its own, so that both read one clock: how long after its writer was
// answered does each watcher see a change.
import { setTimeout } from 'node:timers/promises';
import { doJob } from './child.ts';
import type { Target } from './server.ts';
import { connect, encodeRequest, headersOf, openSession, openSocket, type Protocol, type Request } from './wire.ts';

export interface WatchJob {
  readonly target: Target;
  readonly protocol: Protocol;
  readonly watchers: number;
  readonly writes: number;
  readonly writesPerSecond: number;
}

export interface WatchResult {
  /** ms from acknowledged to received, 0 when received first; one per watcher and write. */
  readonly afterAcknowledged: number[];
  /** ms from sent to received. */
  readonly afterSent: number[];
  readonly lost: number;
}

const FOLDER = '/api/v1/namespaces/default/configmaps';
/** HTTP/2 streams that share a connection, as one program's watches do. */
const STREAMS = 50;
const MARK = Buffer.from('"name":"w-');
const DIGITS = 6;

/** Finds the names of written objects in a stream of bytes, wherever it is cut. */
function finder(onSeen: (write: number) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let from = 0;
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, from)) {
      const end = at + MARK.length + DIGITS;
      if (end > bytes.length) break;
      onSeen(Number(bytes.toString('latin1', at + MARK.length, end)));
      from = end;
    }
    rest = bytes.subarray(Math.max(from, bytes.length - MARK.length - DIGITS));
  };
}

/** Opens `count` watches from `revision`; resolves when all have been answered. Returns what ends them. */
async function openWatches(job: WatchJob, revision: string, onSeen: (write: number) => void): Promise<() => void> {
  const { target, protocol, watchers } = job;
  const path = `${FOLDER}?watch=1&resourceVersion=${revision}&labelSelector=app%3Dwatched`;
  const request: Request = { method: 'GET', path };
  const closers: Array<() => void> = [];
  const opened = async (count: number): Promise<void> => {
    if (protocol === 'http/1.1') {
      const socket = await openSocket(target);
      closers.push(() => socket.destroy());
      socket.write(encodeRequest(request, target));
      return new Promise((resolve) => {
        const find = finder(onSeen);
        socket.once('data', () => resolve());
        socket.on('data', find);
      });
    }
    const session = await openSession(target);
    closers.push(() => session.destroy());
    const streams = Array.from({ length: count }, () => session.request(headersOf(request, target)));
    for (const stream of streams) stream.on('data', finder(onSeen));
    await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));
  };
  const each = protocol === 'h2' ? STREAMS : 1;
  for (let begun = 0; begun < watchers; begun += 20 * each) {
    await Promise.all(Array.from({ length: Math.min(20, (watchers - begun) / each) }, () => opened(each)));
  }
  return () => {
    for (const close of closers) close();
  };
}

await doJob(async (job: WatchJob): Promise<WatchResult> => {
  const { target, protocol, watchers, writes, writesPerSecond } = job;
  const writer = await connect(protocol, target);
  const list = JSON.parse(await writer.send({ method: 'GET', path: `${FOLDER}?limit=1` }));
  const sent: number[] = [];
  const acknowledged: number[] = [];
  const received: Array<[write: number, at: number]> = [];
  const close = await openWatches(job, list.metadata.resourceVersion, (write) =>
    received.push([write, performance.now()]),
  );
  const begin = performance.now();
  for (let write = 0; write < writes; write += 1) {
    await setTimeout(Math.max(0, begin + (1000 * write) / writesPerSecond - performance.now()));
    const metadata = { name: `w-${String(write).padStart(DIGITS, '0')}`, labels: { app: 'watched' } };
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { k: 'v' } });
    sent.push(performance.now());
    await writer.send({ method: 'POST', path: FOLDER, contentType: 'application/json', body });
    acknowledged.push(performance.now());
  }
  for (let waited = 0; received.length < watchers * writes && waited < 5000; waited += 50) await setTimeout(50);
  close();
  writer.close();
  return {
    afterAcknowledged: received.map(([write, at]) => Math.max(0, at - acknowledged[write])),
    afterSent: received.map(([write, at]) => at - sent[write]),
    lost: watchers * writes - received.length,
  };
});
