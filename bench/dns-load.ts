// Load on a DNS server, from a process of its own: A queries over UDP for names drawn from all, a fixed number of them outstanding.
import { createSocket } from 'node:dgram';
import { doJob } from './child.ts';
import { percentile } from './table.ts';

export interface DnsLoadJob {
  readonly host: string;
  readonly port: number;
  /** `fill-%` stands for all names with a number below `count` in the place of `%`. */
  readonly pattern: string;
  readonly count: number;
  readonly outstanding: number;
  /** After as long again, at most a second, to warm up. */
  readonly seconds: number;
  /** Answers must say NOERROR and hold an address; false: whatever comes back counts, as from an echo. */
  readonly wantsAddress: boolean;
}

export interface DnsLoadResult {
  readonly perSecond: number;
  /** ms. */
  readonly p50: number;
  readonly p99: number;
  /** Not answered within a second. */
  readonly lost: number;
  /** Answered with something else than an address. */
  readonly wrong: number;
}

const LOST_MS = 1000;

function query(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

const isAddress = (reply: Buffer): boolean => (reply[3] & 15) === 0 && reply.readUInt16BE(6) > 0;

await doJob(async (job: DnsLoadJob): Promise<DnsLoadResult> => {
  const queries = Array.from({ length: job.count }, (_, i) => query(job.pattern.replace('%', String(i))));
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(job.port, job.host, resolve));
  const begin = performance.now() + 1000 * Math.min(1, job.seconds);
  const end = begin + 1000 * job.seconds;
  const sentAt = new Float64Array(job.outstanding);
  const turns = new Uint16Array(job.outstanding);
  const latencies: number[] = [];
  let lost = 0;
  let wrong = 0;
  // An id is a slot and its turn, so that a late answer is not taken for the next one.
  const ask = (slot: number): void => {
    turns[slot] = (turns[slot] + 1) % 1024;
    const packet = Buffer.from(queries[Math.floor(Math.random() * queries.length)]);
    packet.writeUInt16BE((turns[slot] << 6) | slot, 0);
    sentAt[slot] = performance.now();
    socket.send(packet);
  };
  socket.on('message', (reply) => {
    const id = reply.readUInt16BE(0);
    const slot = id & 63;
    if (turns[slot] !== id >> 6) return;
    const now = performance.now();
    if (job.wantsAddress && !isAddress(reply)) wrong += 1;
    if (sentAt[slot] >= begin && now <= end) latencies.push(now - sentAt[slot]);
    if (now < end) ask(slot);
  });
  const watch = setInterval(() => {
    const now = performance.now();
    for (let slot = 0; slot < job.outstanding; slot += 1) {
      if (now - sentAt[slot] < LOST_MS || now > end) continue;
      lost += 1;
      ask(slot);
    }
  }, 100);
  for (let slot = 0; slot < job.outstanding; slot += 1) ask(slot);
  await new Promise((resolve) => setTimeout(resolve, end - performance.now()));
  clearInterval(watch);
  socket.close();
  const perSecond = latencies.length / job.seconds;
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), lost, wrong };
});
