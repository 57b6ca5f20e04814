// The node agent against the real API server and the real controllers: pods from their creation to their end.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';

describe('a pod on a real node', () => {
  let script: Script;
  beforeAll(async () => {
    script = await namespaceScript('test/node/pod-life.script.ts');
  });
  afterAll(() => script.remove());

  it('starts, answers, survives its agent, restarts and goes without a trace', async () => {
    const seen = await script.run<Record<string, unknown>>({});
    expect(seen).toMatchObject({
      address: '10.244.1.2',
      restarts: 1,
      lastExitCode: 137,
      adopted: true,
      restartsAfterAgent: 1,
      jobPhase: 'Failed',
      hostAnswer: 'host\n',
      mirror: 'Running',
      namespacesLeft: [],
      containersLeft: [],
      processesLeft: '',
      linksLeft: '0',
    });
    expect(seen.answer).toContain('pod: web\nnamespace: default\nnode: node-1\npodIP: 10.244.1.2\n');
    expect(seen.waiting).toContain('there are echo, busybox');
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started', 'StandIn', 'Failed']) {
      expect(seen.reasons).toContain(reason);
    }
    // Generous, since other tests run beside: bench/ measures.
    expect(seen.readyMs).toBeLessThan(2000);
    expect(seen.outMs).toBeLessThan(1000);
    console.info({ readyMs: seen.readyMs, outMs: seen.outMs, backMs: seen.backMs, deletedMs: seen.deletedMs });
  });
});
