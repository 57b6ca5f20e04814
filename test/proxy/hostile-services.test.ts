// Nothing that a user could smuggle into an object reaches a rule: neither past the plan, nor, were it handed to them, through a backend.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, type Exec, ExecError } from '../../host/exec.ts';
import { InvalidRuleError } from '../../host/iptables.ts';
import { InvalidNftError } from '../../host/nft.ts';
import { NODE, servicePort } from '../../proxy/plan.stand-ins.ts';
import type { Plan, ServicePort } from '../../proxy/plan.ts';
import { makeBackend, type ProxyMode } from '../../proxy/proxy.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { HostileOutcome } from './hostile-services.script.ts';
import { HOSTILE, MARK, TEXTS } from './hostile-services.ts';

const MODES: readonly ProxyMode[] = ['iptables', 'nftables'];

describe.each(MODES)('hostile Services in mode %s', (mode) => {
  let script: Script;
  let outcome: HostileOutcome;
  beforeAll(async () => {
    script = await namespaceScript('test/proxy/hostile-services.script.ts');
    outcome = await script.run<HostileOutcome>({ mode });
  });
  afterAll(() => script?.remove());

  it('reach no rule', () => {
    expect(outcome.rules).not.toContain(MARK);
    expect(outcome.files).not.toContain(MARK);
  });

  it('take no other out of service', () => {
    const served = HOSTILE.filter(({ isServed }) => isServed).map(({ service }) => service.spec!.clusterIP!);
    expect(served.length).toBeGreaterThan(30);
    expect(['10.96.0.20', ...served].filter((ip) => !outcome.rules.includes(ip))).toEqual([]);
  });

  it('are left out, each named with what is wrong', () => {
    const silent = HOSTILE.filter(({ isServed, service: { metadata, spec } }) => {
      const said = outcome.events[metadata.uid!] ?? '';
      const isNamed = / has no IPv4 rules on node node-1: not a valid /.test(said);
      return !isServed && (!isNamed || new RegExp(`${spec!.clusterIP}[ /,]`).test(outcome.rules));
    });
    expect(silent.map(({ about }) => about)).toEqual([]);
  });

  it('are counted by name', () => {
    const samples = outcome.metrics.match(/^vitrine_proxy_left_out_service_ports\{ip_family="IPv4".* 1$/gm) ?? [];
    expect(samples).toContain(
      'vitrine_proxy_left_out_service_ports{ip_family="IPv4",service_port="default/hostile-20:h0stile; flush ruleset"} 1',
    );
    expect(samples.length).toBeGreaterThan(50);
  });

  it('make no listener leak', () => expect(outcome.warnings).toEqual([]));
});

const LOCAL = { ip: '10.244.1.5', port: 8080, isLocal: true };
const WEB = servicePort('web', {
  nodePort: 30_080,
  externalIPs: ['192.0.2.1'],
  loadBalancerIPs: ['192.0.2.2'],
  loadBalancerSourceRanges: ['10.0.0.0/8'],
  externalTrafficPolicy: 'Local',
  clusterEndpoints: [LOCAL],
  localEndpoints: [LOCAL],
});

/** Every place of a service port where a text stands, or could. */
const PLACES: Readonly<Record<string, (text: string) => object>> = {
  id: (text) => ({ id: text }),
  'cluster IP': (text) => ({ clusterIP: text }),
  port: (text) => ({ port: text }),
  'node port': (text) => ({ nodePort: `30080${text}` }),
  protocol: (text) => ({ protocol: text }),
  'external IP': (text) => ({ externalIPs: [text] }),
  'source range': (text) => ({ loadBalancerSourceRanges: [`10.0.0.0/8 ${text}`] }),
  affinity: (text) => ({ affinitySeconds: `60${text}` }),
  'endpoint address': (text) => ({ clusterEndpoints: [{ ...WEB.clusterEndpoints[0], ip: text }] }),
  'endpoint port': (text) => ({ clusterEndpoints: [{ ...WEB.clusterEndpoints[0], port: text }] }),
};

/** Only asks the tools whether they would take what is written, in a namespace of its own; nothing else is there. */
function rehearsal(written: string[]): Exec {
  const TRIAL: Readonly<Record<string, string>> = { nft: '-c', 'iptables-restore': '--test' };
  return (argv, options) => {
    if (argv[0] === 'iptables-save') return Promise.resolve('');
    if (!options?.input) return Promise.reject(new ExecError(argv, 1, 'No such file or directory'));
    written.push(String(options.input));
    return check(['unshare', '-Urn', '--', argv[0], TRIAL[argv[0]], ...argv.slice(1)], options);
  };
}

describe.each(MODES)('a service port that no plan has, in mode %s', (mode) => {
  const tried = async (change: object): Promise<{ error: unknown; written: string }> => {
    const written: string[] = [];
    const port = { ...WEB, ...change } as ServicePort;
    const plan: Plan = { family: 'IPv4', node: NODE, services: new Map([[port.id, port]]) };
    const error: unknown = await makeBackend(mode, 'IPv4', rehearsal(written))
      .sync(plan)
      .then(
        () => undefined,
        (why: unknown) => why,
      );
    // What stands between quotes in a comment is nothing but a name.
    return { error, written: written.join('').replaceAll(/--comment "[^"\\\n]*"/g, '') };
  };

  it('is taken when nothing is wrong with it', async () => {
    const { error, written } = await tried({});
    expect(error).toBeUndefined();
    expect(written).toContain('10.96.0.20');
  });

  it.each(Object.keys(PLACES))('is refused before the kernel is told, or leaves no trace: %s', async (place) => {
    for (const text of Object.values(TEXTS)) {
      const { error, written } = await tried(PLACES[place](text));
      expect(written).not.toContain(MARK);
      if (error) expect(error).toSatisfy((one) => one instanceof InvalidRuleError || one instanceof InvalidNftError);
    }
  });
});
