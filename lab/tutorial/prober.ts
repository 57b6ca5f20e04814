// Requests at a steady pace from a place of the lab, to see when an address begins to answer and when it last failed to. Times are ms
// since the epoch, as every process of the machine sees them.

import { claim } from './claim.ts';
import type { Scene } from './scene.ts';

/** A program of its own, small, since three of them share the machine with what they measure. */
const PROGRAM = `
const { connect } = require('node:net');
const [mode, host, port, everyMs, forMs, patienceMs] = process.argv.slice(1);
const now = () => performance.timeOrigin + performance.now();
const ask = () => new Promise((resolve) => {
  const socket = connect({ host, port: Number(port), timeout: Number(patienceMs) });
  const end = (answered) => { socket.destroy(); resolve(answered); };
  socket.once('connect', () => socket.write('GET / HTTP/1.0\\r\\n\\r\\n'));
  socket.once('data', () => end(true));
  for (const event of ['end', 'timeout', 'error']) socket.once(event, () => end(false));
});
const pause = () => new Promise((resolve) => setTimeout(resolve, Number(everyMs)));
const until = now() + Number(forMs);
(async () => {
  process.stdout.write('started\\n');
  if (mode === 'first') {
    while (now() < until) {
      if (await ask()) return console.log(now());
      await pause();
    }
    return console.log(0);
  }
  let sent = 0;
  let lastFailure = 0;
  const underWay = [];
  while (now() < until) {
    const at = now();
    sent += 1;
    underWay.push(ask().then((answered) => { if (!answered) lastFailure = Math.max(lastFailure, at); }));
    await pause();
  }
  await Promise.all(underWay);
  console.log(sent, lastFailure);
})();
`;

export interface Target {
  readonly host: string;
  readonly port: number;
}

interface Order {
  readonly mode: 'first' | 'watch';
  readonly everyMs: number;
  readonly forMs: number;
  /** No answer for so long is none, ms. */
  readonly patienceMs: number;
}

/** The kernel tells of 1,000 unreachable addresses a second at most; who is not told waits in vain. */
const FIRST: Order = { mode: 'first', everyMs: 5, forMs: 10_000, patienceMs: 100 };
const WATCH: Order = { mode: 'watch', everyMs: 20, forMs: 2_500, patienceMs: 1_000 };

/** `started` resolves when the first request is about to be sent; `said` with the numbers of the last line. */
function probe(
  scene: Scene,
  place: string,
  { host, port }: Target,
  order: Order,
): { started: Promise<void>; said: Promise<number[]> } {
  const words = [order.mode, host, port, order.everyMs, order.forMs, order.patienceMs].map(String);
  const run = scene.start(place, [process.execPath, '-e', PROGRAM, ...words]);
  return {
    started: run.firstLine.then(() => undefined),
    said: run.output.then((text) => text.trim().split('\n').at(-1)!.split(' ').map(Number)),
  };
}

/** Starts probers at `places`, does `act` when all are asking, and resolves with ms from the time that `act` tells until each was answered. */
export async function firstAnswers(
  scene: Scene,
  places: readonly string[],
  target: Target,
  act: () => Promise<number>,
): Promise<number[]> {
  const probes = places.map((place) => probe(scene, place, target, FIRST));
  await Promise.all(probes.map(({ started }) => started));
  const actedAt = await act();
  const times = await Promise.all(probes.map(({ said }) => said));
  return times.map(([at], i) => {
    claim(at > 0, `nobody answered at ${places[i]}`);
    return at - actedAt;
  });
}

/** The same for failures: resolves with the ms from that time until the last request was sent that failed (0: none), per place. */
export async function lastFailures(
  scene: Scene,
  places: readonly string[],
  target: Target,
  act: () => Promise<number>,
): Promise<{ sent: number; lateMs: number }[]> {
  const probes = places.map((place) => probe(scene, place, target, WATCH));
  await Promise.all(probes.map(({ started }) => started));
  const actedAt = await act();
  const all = await Promise.all(probes.map(({ said }) => said));
  return all.map(([sent, lastFailure]) => ({
    sent,
    lateMs: lastFailure > 0 ? Math.max(0, lastFailure - actedAt) : 0,
  }));
}
