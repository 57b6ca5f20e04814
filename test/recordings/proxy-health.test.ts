// What the proxy's ports answer, in several states of node and kernel, beside what the real kube-proxy answered.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/object.ts';
import { configurationOf, shownConfiguration } from '../../proxy/configuration.ts';
import { flagsPage, statusPage } from '../../proxy/debug-pages.ts';
import { shownFlags } from '../../proxy/flags.ts';
import { namespaceScript, type Script } from '../network.ts';
import { comparable, type RecordedAnswer } from './health-answer.ts';
import type { HealthCase, HealthState } from './proxy-health.script.ts';

const FOLDER = new URL('../golden/proxy/', import.meta.url);

interface Recording {
  mode: HealthCase['mode'];
  config: { nodeName: string; clusterCIDR: string };
  objects: KubeObject[];
  states: (HealthState & { about: string })[];
  metricsPort: RecordedAnswer[];
}

interface RecordedMetrics {
  metrics: Record<string, { type: string; labels: Record<string, string[]> }>;
}

/** Short, so that a state that waits for twice as long is soon over; the recording's was 2 s. */
const SYNC_PERIOD_MS = 1000;

/** What is not counted, each with its reason. */
const MISSING_METRICS: Readonly<Record<string, string>> = {
  kubeproxy_iptables_ct_state_invalid_dropped_packets_total: 'counted by nfacct objects, which need its tool',
  kubeproxy_iptables_localhost_nodeports_accepted_packets_total: 'counted by nfacct objects, which need its tool',
  kubernetes_feature_enabled: 'there are no feature gates',
};
const CONFIGZ = '/configz';
/** Compared by themselves, below. */
const OWN_BODY = [CONFIGZ, '/statusz', '/flagz'];

const read = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8')) as T;
const pathOf = ({ url }: RecordedAnswer): string => new URL(url).pathname;

const FAILS = /fails since a second/;

/** Between two recorded states: two endpoints were ready before rules were refused, and a third came then. */
function prelude({ about, apply = [], requests }: Recording['states'][number]): HealthState[] {
  if (!FAILS.test(about)) return [];
  const [slice] = apply as (KubeObject & { endpoints: object[] })[];
  // What comes in the same version is no change: the informer would not tell of the third.
  const metadata = { ...slice.metadata, resourceVersion: String(Number(slice.metadata.resourceVersion) - 1) };
  const two = { ...slice, metadata, endpoints: slice.endpoints.slice(0, 2) };
  return [{ apply: [two as KubeObject], requests: requests.slice(-1) }];
}

/** What the recording only tells in words. */
function enact(state: Recording['states'][number], node: KubeObject): HealthState {
  const { about, ...recorded } = state;
  const name = node.metadata.name;
  if (/is being deleted/.test(about)) {
    const metadata = { ...node.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    return { ...recorded, apply: [{ ...node, metadata }] };
  }
  if (/^the node is deleted/.test(about)) return { ...recorded, delete: [{ kind: 'Node', name }] };
  if (/^the node is created again/.test(about)) return { ...recorded, apply: [node] };
  if (FAILS.test(about)) return { ...recorded, refuses: true };
  if (/works again/.test(about)) return { ...recorded, refuses: false };
  return recorded;
}

describe.each(['states', 'states-nftables'])('health as the real kube-proxy tells it: %s', (file) => {
  const recording = read<Recording>(`health/${file}.json`);
  let script: Script;
  let answers: RecordedAnswer[][];
  const { metricsPort } = recording;
  const metricsPage: RecordedAnswer = { method: 'GET', url: 'http://127.0.0.1:10249/metrics', status: 200 };

  beforeAll(async () => {
    script = await namespaceScript('test/recordings/proxy-health.script.ts');
    const node = recording.objects.find(({ kind }) => kind === 'Node')!;
    const states = recording.states.flatMap((state) => [...prelude(state), enact(state, node)]);
    const { mode, objects, config } = recording;
    const last = { atOnce: true, requests: [...metricsPort, metricsPage] };
    const input: HealthCase = { mode, ...config, syncPeriodMs: SYNC_PERIOD_MS, objects, states: [...states, last] };
    const said = await script.run<RecordedAnswer[][]>(input, { timeoutMs: 110_000 });
    const preludes = recording.states.flatMap((state) => [...prelude(state).map(() => true), false]);
    answers = said.filter((_, at) => !preludes[at]);
  }, 120_000);
  afterAll(() => script?.remove());

  it.each(recording.states.map(({ about }, at) => [about, at] as const))('%s', (_, at) => {
    const { requests } = recording.states[at];
    for (const [turn, expected] of requests.entries()) {
      expect(comparable(answers[at][turn]), `${expected.method} ${expected.url}`).toEqual(comparable(expected));
    }
  });

  it.each(metricsPort.map((one, turn) => [pathOf(one), one, turn] as const))('answers %s', (path, expected, turn) => {
    const said = comparable(answers.at(-1)![turn]);
    if (OWN_BODY.includes(path)) expect({ ...said, body: '' }).toEqual({ ...comparable(expected), body: '' });
    else expect(said).toEqual(comparable(expected));
  });

  it("has upstream's metrics, of its types and labels", () => {
    const recorded = read<RecordedMetrics>(`metrics/${recording.mode}.json`).metrics;
    const page = answers.at(-1)!.at(-1)!.body!;
    const types = new Map([...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const expected = Object.entries(recorded).filter(([name]) => !(name in MISSING_METRICS));
    expect(Object.fromEntries(expected.map(([name]) => [name, types.get(name)]))).toEqual(
      Object.fromEntries(expected.map(([name, { type }]) => [name, type])),
    );
    for (const [name, { labels }] of expected) {
      const used = new Set<string>();
      for (const [, text] of page.matchAll(new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'gm'))) {
        for (const [, label] of text.matchAll(/(\w+)="/g)) used.add(label);
      }
      const known = Object.keys(labels);
      expect(
        [...used].filter((label) => !known.includes(label)),
        name,
      ).toEqual([]);
    }
  });
});

/** Deprecated for the bind addresses, and every program's own. */
const HAS_NOT = ['healthz-port', 'metrics-port', 'help'];

describe('pages for people', () => {
  const bodyOf = (path: string, file: string): string =>
    read<Recording>(`health/${file}.json`).metricsPort.find((one) => pathOf(one) === path)!.body!;

  it('tells its status as upstream does, but for the runtime', () => {
    const paths = ['/configz', '/flagz', '/healthz', '/metrics', '/proxyMode'];
    const startedAt = Date.parse('2026-11-22T13:49:33Z');
    const said = statusPage({ startedAt, now: startedAt + 26_400, version: 'v1.36.3', paths });
    const expected = bodyOf('/statusz', 'states').replace(/^Go version.*$/m, `Node.js version= ${process.version}`);
    expect(said).toBe(expected);
  });

  it('tells its flags as upstream does, but for those it has not', () => {
    const said = flagsPage(shownFlags({ config: '/etc/kubernetes/proxy.json' }))
      .trimEnd()
      .split('\n');
    const recorded = bodyOf('/flagz', 'states-nftables').split('\n').slice(0, -1); // its last line is cut off
    const end = recorded.at(-1)!;
    const nameOf = (line: string): string => line.split('=')[0];
    expect(said.filter((line) => line <= end)).toEqual(recorded.filter((line) => !HAS_NOT.includes(nameOf(line))));
    expect(recorded.length - HAS_NOT.length).toBeGreaterThan(50);
  });
});

describe('/configz', () => {
  const recorded = JSON.parse(
    read<Recording>('health/states.json').metricsPort.find((one) => pathOf(one) === CONFIGZ)!.body!,
  ) as Record<string, Record<string, unknown>>;
  const theirs = recorded['kubeproxy.config.k8s.io'];
  /** Without effect here, so not shown. */
  const LEFT_OUT = ['logging', 'ipvs', 'winkernel'];

  it('shows a configuration as upstream shows it', () => {
    const shown = shownConfiguration(configurationOf(theirs)) as Record<string, unknown>;
    const expected = Object.fromEntries(Object.entries(theirs).filter(([name]) => !LEFT_OUT.includes(name)));
    expect(shown).toEqual(expected);
    expect(Object.keys(shown)).toEqual(Object.keys(expected));
  });
});
