// Plays the recorded kubectl transcripts against our API server, controllers and scheduler, started as a user starts them: those that
// need nodes on a lab's, where pods run; the others beside the stand-in for kubelets, those that change its nodes on a cluster of their own.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterProcesses, findKubectl, startClusterProcesses } from '../harness/cluster.ts';
import { TestLab } from '../harness/lab.ts';
import { NOT_YET, SHORTFALLS } from './kubectl-shortfalls.ts';

const folder = new URL('../golden/kubectl/', import.meta.url).pathname;
const transcripts = readdirSync(`${folder}transcripts`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.trn'))
  .map((file) => file.replace(/\.trn$/, ''))
  .sort();
const file = (name: string): string => `${folder}transcripts/${name}.trn`;
const isExclusive = (name: string): boolean => /^exclusive:/m.test(readFileSync(file(name), 'utf8'));
const needsNodes = (name: string): boolean => /^needs: nodes$/m.test(readFileSync(file(name), 'utf8'));

/** The machine may be busy with other tests: what `eventually` comes true may take this many times as long. */
const PATIENCE = '4';
const kubectl = findKubectl();

interface Outcome {
  readonly failed: number;
  /** The player's words about this transcript. */
  readonly said: string;
}

interface Player {
  /** By the transcript's name, once all are played. */
  readonly outcomes: Promise<Map<string, Outcome>>;
  stop(): void;
}

/** A lab as what the transcripts are played on. */
async function startLab(): Promise<ClusterProcesses> {
  const lab = new TestLab({ standInImages: true });
  try {
    await lab.up();
  } catch (error) {
    await lab.remove();
    throw error;
  }
  return { kubeconfig: lab.kubeconfig, complaints: () => '', stop: () => lab.remove() };
}

/** Plays the transcripts, `jobs` at a time; those that are exclusive alone, after the others. */
function play(names: readonly string[], cluster: ClusterProcesses, jobs: number): Player {
  const flags = [
    '--kubeconfig',
    cluster.kubeconfig,
    '--kubectl',
    kubectl!,
    '--jobs',
    `${jobs}`,
    '--patience',
    PATIENCE,
  ];
  const child = spawn(process.execPath, [`${folder}transcript.mjs`, ...flags, ...names.map(file)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { outcomes: outcomesIn(child.stdout), stop: () => void child.kill('SIGTERM') };
}

/** Reads the player's words: a head line for each transcript, and under it what differed. */
async function outcomesIn(said: Readable): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let name = '';
  for await (const line of createInterface({ input: said })) {
    const head = /^(?:ok {2}|FAIL) \S*transcripts\/(\S+)\.trn: (\d+) of (\d+) commands/.exec(line);
    if (head) {
      name = head[1];
      outcomes.set(name, { failed: Number(head[3]) - Number(head[2]), said: line });
    } else if (outcomes.has(name)) {
      const { failed, said: before } = outcomes.get(name)!;
      outcomes.set(name, { failed, said: `${before}\n${line}` });
    }
  }
  return outcomes;
}

/** kubectl's own log line for a watch that it ends itself, when its patience is over before the watch is a second old: chance. */
const ENDED_ITSELF = /^ {4}\+ [IW]\d{4} .*very short watch: /;

/** How many commands differ in nothing but such lines. */
function byChance(said: string): number {
  const commands = said.split(/^FAIL \S+:\d+: \$ .*\n/m).slice(1);
  return commands.filter((lines) =>
    lines
      .trimEnd()
      .split('\n')
      .every((line) => ENDED_ITSELF.test(line)),
  ).length;
}

describe('the table of shortfalls', () => {
  it('names transcripts that exist, and a reason for each', () => {
    const named = [...Object.keys(SHORTFALLS), ...Object.keys(NOT_YET)];
    expect(named.filter((name) => !transcripts.includes(name))).toEqual([]);
    expect(Object.keys(SHORTFALLS).filter((name) => name in NOT_YET)).toEqual([]);
  });
});

describe.skipIf(!kubectl)('recorded kubectl transcripts', () => {
  const played = transcripts.filter((name) => !(name in NOT_YET));
  const clusters: ClusterProcesses[] = [];
  const players: Player[] = [];
  let outcomes: Promise<Map<string, Outcome>>;

  beforeAll(async () => {
    clusters.push(
      ...(await Promise.all([
        startClusterProcesses({ kubectl: kubectl! }),
        startClusterProcesses({ kubectl: kubectl! }),
        startLab(),
      ])),
    );
    const [shared, own, lab] = clusters;
    const others = played.filter((name) => !needsNodes(name));
    players.push(
      play(
        others.filter((name) => !isExclusive(name)),
        shared,
        2,
      ),
      play(others.filter(isExclusive), own, 1),
      play(played.filter(needsNodes), lab, 2),
    );
    outcomes = Promise.all(players.map((player) => player.outcomes)).then(
      (played) => new Map(played.flatMap((one) => [...one])),
    );
    // Rejections are told by the tests that await it.
    outcomes.catch(() => undefined);
  });
  afterAll(async () => {
    for (const player of players) player.stop(); // still at it only when a test gave up waiting
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  it.for(played)('%s', { timeout: 300_000 }, async (name) => {
    const outcome = (await outcomes).get(name);
    const complaints = clusters.map((cluster) => cluster.complaints()).join('');
    expect(outcome, complaints || 'the player said nothing of it').toBeDefined();
    const failed = outcome!.failed - byChance(outcome!.said);
    expect(failed, `${outcome!.said}\n${complaints}`).toBeLessThanOrEqual(SHORTFALLS[name]?.failed ?? 0);
  });
});
