// Runs on a node of the lab (bench/lab.ts) and asks a Service again and again whether it answers. One order a line on standard
// input, one answer a line on standard output; times are ms since the epoch, as every process of the machine sees them.
//   until IP PORT   answers when a request was answered for the first time: its time
//   watch IP PORT   answers at once: 0; keeps asking
//   stop            ends that; answers when the last request was sent that was not answered, 0 when all were
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

/** ms between two requests: while waiting for the first answer, and while watching (three nodes load three pods then). */
const UNTIL_EVERY = 2;
const WATCH_EVERY = 10;
/** No answer for so long is none. */
const PATIENCE_MS = 500;

const now = (): number => performance.timeOrigin + performance.now();

/** Resolves whether an HTTP request was answered. */
function ask(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE_MS });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.once('data', () => end(true));
    socket.once('end', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** Asks at a steady pace, whether or not earlier requests have been answered, until `done`; then waits for those under way. */
async function askOn(
  host: string,
  port: number,
  everyMs: number,
  done: () => boolean,
  told: (sent: number, answered: boolean) => void,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  while (!done()) {
    const sent = now();
    const request = ask(host, port).then((answered) => {
      told(sent, answered);
      underWay.delete(request);
    });
    underWay.add(request);
    await setTimeout(everyMs);
  }
  await Promise.all(underWay);
}

function until(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let first = 0;
    const told = (_sent: number, answered: boolean): void => {
      if (!answered || first > 0) return;
      first = now();
      resolve(first);
    };
    askOn(host, port, UNTIL_EVERY, () => first > 0, told).catch(reject);
  });
}

let stopped = false;
let watching: Promise<void> = Promise.resolve();
let lastFailure = 0;

async function obey([order, host, port]: string[]): Promise<number> {
  if (order === 'until') return until(host, Number(port));
  if (order === 'watch') {
    stopped = false;
    lastFailure = 0;
    const told = (sent: number, answered: boolean): void => {
      if (!answered) lastFailure = Math.max(lastFailure, sent);
    };
    watching = askOn(host, Number(port), WATCH_EVERY, () => stopped, told);
    return 0;
  }
  stopped = true;
  await watching;
  return lastFailure;
}

process.stdout.write('0\n'); // started
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${await obey(line.split(' '))}\n`);
