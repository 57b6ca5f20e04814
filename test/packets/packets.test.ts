// One suite of real packets for every backend. Where the environment names upstream's programs it is played with them too, and they must
// pass it as well, which proves the suite: KUBE_PROXY in the place of ours, KUBE_APISERVER and ETCD as what ours follows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VITRINE } from '../harness/apiserver.ts';
import { namespaceScript, type Script } from '../network.ts';
import { complaints } from './judge.ts';
import type { Mode, ProxyProgram } from './proxies.ts';
import { type PacketsInput, type PacketsOutput, type PlannedRow, plannedRows } from './run.ts';
import { UNSETTLED } from './shortfalls.ts';
import { STAGES } from './stages.ts';

const MODES: readonly Mode[] = ['iptables', 'nftables'];
const { KUBE_PROXY, KUBE_APISERVER, ETCD } = process.env;
const OURS: ProxyProgram = { argv: [process.execPath, VITRINE, 'proxy'], isUpstream: false };

type Run = Omit<PacketsInput, 'mode'>;
const PAIRS: Readonly<Record<string, Run | undefined>> = {
  ours: { program: OURS },
  'kube-proxy': KUBE_PROXY ? { program: { argv: [KUBE_PROXY], isUpstream: true } } : undefined,
  'ours behind kube-apiserver':
    KUBE_APISERVER && ETCD ? { program: OURS, server: { apiserver: KUBE_APISERVER, etcd: ETCD } } : undefined,
};

const RUNS = Object.entries(PAIRS).flatMap(([name, run]) =>
  MODES.flatMap((mode): [string, PacketsInput][] => (run ? [[`${mode}, ${name}`, { ...run, mode }]] : [])),
);

/** The rows of one stage that become one test each: those of a case and family. */
function casesOf(stage: string): Map<string, PlannedRow[]> {
  const groups = new Map<string, PlannedRow[]>();
  for (const one of plannedRows().filter((row) => row.stage === stage)) {
    const name = `${one.case.name}, ${one.family}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return groups;
}

describe.each(RUNS)('packets through %s', (_, input) => {
  const { mode, program } = input;
  let script: Script;
  let output: PacketsOutput;

  beforeAll(async () => {
    script = await namespaceScript('test/packets/packets.script.ts');
    output = await script.run<PacketsOutput>(input, { timeoutMs: 290_000 });
  }, 300_000);
  afterAll(() => script?.remove());

  const shortfalls = program.isUpstream ? {} : UNSETTLED[mode];

  describe.each(STAGES.map(({ name }) => name))('%s', (stage) => {
    const shortfall = shortfalls[stage];
    if (shortfall) {
      it(`does not settle yet: ${shortfall}`, () => expect(output.unsettled[stage]).toBeDefined());
      return;
    }
    it('settles', () => expect(output.unsettled[stage]).toBeUndefined());
    it.each([...casesOf(stage)])('%s', (_, planned) => {
      const wrong = planned.flatMap(({ key, row, family }) => {
        const outcome = output.rows[key];
        return outcome
          ? complaints(row, family, mode, outcome).map((text) => `${key}: ${text}`)
          : [`not played: ${key}`];
      });
      expect(wrong).toEqual([]);
    });
  });

  it('lets clients move when their affinity has ended', () => {
    const { clients, moved } = output.occasions.afterAffinity;
    // Two of three move: that none of 16 does has a chance of 1 in 43 million.
    expect(clients).toBe(16);
    expect(moved).toBeGreaterThan(0);
  });
  it('leads UDP clients away from an endpoint that is gone', () =>
    expect(output.occasions.udp).toEqual({ before: 'pod-2', after: 'pod-3' }));
  it('serves while no proxy runs, and follows what it missed', () =>
    expect(output.occasions.away).toEqual({ without: 'pod-1', again: 'pod-3' }));
  it.skipIf(program.isUpstream)('serves again soon after a flush, without being told', () =>
    // Long before the next look for drift, 30 s away, would find it.
    expect(output.occasions.recoveryMs).toBeLessThan(10_000),
  );
  // Upstream's leaves KUBE-FIREWALL, which it takes for the kubelet's.
  it.skipIf(program.isUpstream && mode === 'iptables')('leaves nothing after cleanup', () =>
    expect(output.occasions.left).toBe(''),
  );
});
