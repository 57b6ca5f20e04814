// The lab as containers (docker-compose.yml): that its commands are Vitrine's and its addresses the lab's, always; and with
// VITRINE_COMPOSE=1, where a Docker engine answers, that it works: built, started, used from everywhere, stopped, nothing left.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseFlags } from '../../host/flags.ts';
import type { Program } from '../../host/program.ts';
import { IPV4 } from '../../lab/addresses.ts';
import { apiserver } from '../../lab/apiserver.ts';
import { balancer } from '../../lab/balancer/main.ts';
import { controllers } from '../../lab/controllers.ts';
import { machine } from '../../lab/machine.ts';
import { firstNodes, nodeName } from '../../lab/network.ts';
import { explainMissing, missingPrograms } from '../../lab/requirements.ts';
import { eventually } from '../harness/lab.ts';

interface Service {
  command: string[];
  networks: Record<string, { ipv4_address: string }>;
  environment: { ROUTES: string };
  healthcheck?: object;
  privileged?: boolean;
}

const ROOT = new URL('../../', import.meta.url).pathname;
const file = parse(readFileSync(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true });
const services = file.services as Record<string, Service>;
const PROGRAMS: Record<string, Program> = { apiserver, balancer, controllers, machine };

/** The program that a service's command runs, and its flags as that reads them. Throws when it would not. */
function read({ command }: Service): Record<string, unknown> {
  const [vitrine, lab, name, ...words] = command;
  expect([vitrine, lab, Object.hasOwn(PROGRAMS, name)]).toEqual(['vitrine', 'lab', true]);
  const { values, positionals } = parseFlags(PROGRAMS[name].flags, words);
  expect(positionals).toEqual([]);
  return values;
}

describe('docker-compose.yml', () => {
  const { internet, ...others } = services;

  it('starts three nodes and what they need', () => {
    const nodes = firstNodes(3).map(nodeName);
    expect(Object.keys(services).sort()).toEqual(['apiserver', 'balancer', 'controllers', 'internet', ...nodes]);
  });

  it.each(Object.keys(others))('%s: a command line of a program', (name) => {
    expect(() => read(services[name])).not.toThrow();
  });

  it('has the addresses of any lab', () => {
    expect(services.balancer.networks.nodes.ipv4_address).toBe(IPV4.gateway);
    expect(read(services.balancer).outside).toEqual([IPV4.outside]);
    expect(internet.networks.outside.ipv4_address).toBe(IPV4.internet);
    expect(read(services.controllers)).toMatchObject({
      'cluster-cidr': [IPV4.pods],
      'load-balancer-cidr': [IPV4.loadBalancers],
    });
    for (const index of firstNodes(3)) {
      const node = services[nodeName(index)];
      expect(node.networks.nodes.ipv4_address).toBe(IPV4.node(index));
      expect(read(node)).toMatchObject({ 'node-name': nodeName(index), 'node-ip': [IPV4.node(index)] });
      expect(services.apiserver.environment.ROUTES).toContain(`${IPV4.podCIDR(index)} via ${IPV4.node(index)}`);
    }
    expect(read(services.apiserver)['advertise-address']).toBe(services.apiserver.networks.nodes.ipv4_address);
  });

  it('tells of the health of every part, and gives none of them all rights', () => {
    for (const service of Object.values(services)) {
      expect(service.healthcheck).toBeDefined();
      expect(service.privileged).toBeUndefined();
    }
  });

  it('is built with all that a lab needs', async () => {
    const advice = explainMissing(await missingPrograms(''), 0)!;
    const packages = advice.split('--no-install-recommends ')[1].trim().split(' ');
    const dockerfile = readFileSync(`${ROOT}Dockerfile`, 'utf8');
    expect(packages.filter((name) => !dockerfile.includes(` ${name} `))).toEqual([]);
  });
});

const run = promisify(execFile);
const works = (...argv: string[]): Promise<boolean> =>
  run(argv[0], argv.slice(1)).then(
    () => true,
    () => false,
  );

/** Compose's second edition or its first; undefined when there is none, or no engine that answers. */
async function findCompose(): Promise<string[] | undefined> {
  if (!process.env.VITRINE_COMPOSE || !(await works('docker', 'version'))) return undefined;
  if (await works('docker', 'compose', 'version')) return ['docker', 'compose'];
  return (await works('docker-compose', 'version')) ? ['docker-compose'] : undefined;
}

const compose = await findCompose();

describe.skipIf(!compose)('the lab in containers (needs VITRINE_COMPOSE=1, a Docker engine and compose)', () => {
  const PROJECT = 'vitrine-test';
  const KUBECONFIG = `${ROOT}docker/kubeconfig`;
  const call = async (...words: string[]): Promise<string> => {
    const argv = [...compose!, '-p', PROJECT, ...words];
    return (await run(argv[0], argv.slice(1), { cwd: ROOT, maxBuffer: 1 << 26 })).stdout;
  };
  const at = (service: string, ...command: string[]): Promise<string> => call('exec', '-T', service, ...command);
  const kubectl = async (...words: string[]): Promise<string> =>
    (await run('kubectl', [`--kubeconfig=${KUBECONFIG}`, ...words])).stdout;
  const curl = (service: string, url: string): Promise<string> =>
    at(service, 'curl', '-s', '-m', '2', url).catch(() => '');
  const answers = (text: string): boolean => text.startsWith('pod: backend-');

  async function start(): Promise<void> {
    await call('up', '-d');
    await eventually(() => Promise.resolve(existsSync(KUBECONFIG)), Boolean, 60_000);
    const path = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
    const ready = (): Promise<string> => kubectl('get', 'nodes', '-o', path);
    await eventually(ready, (text) => text === 'True True True', 60_000);
  }

  beforeAll(start, 900_000); // with a first build
  afterAll(() => call('down', '--volumes').then(() => {}), 120_000);

  it('spreads pods over three nodes', { timeout: 120_000 }, async () => {
    await kubectl('create', 'deployment', 'backend', '--image=echo', '--replicas=3');
    await kubectl('wait', '--for=condition=Available', 'deployment/backend', '--timeout=60s');
    const path = 'jsonpath={.items[*].spec.nodeName}';
    const nodes = await kubectl('get', 'pods', '-l', 'app=backend', '-o', path);
    expect(nodes.split(' ').sort()).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('answers at a cluster IP, a node port and a balancer’s address', { timeout: 120_000 }, async () => {
    await kubectl('expose', 'deployment', 'backend', '--type=LoadBalancer', '--port=80', '--target-port=8080');
    const [clusterIP, nodePort] = (
      await kubectl('get', 'service', 'backend', '-o', 'jsonpath={.spec.clusterIP} {.spec.ports[0].nodePort}')
    ).split(' ');
    await eventually(() => curl('node-1', `http://${clusterIP}`), answers, 20_000);
    await eventually(() => curl('internet', `http://192.168.1.11:${nodePort}`), answers, 20_000);
    await eventually(() => curl('internet', 'http://52.1.2.3'), answers, 20_000);
  });

  it('has names, logs and commands in pods', { timeout: 120_000 }, async () => {
    const pod = (await kubectl('get', 'pods', '-l', 'app=backend', '-o', 'name')).split('\n')[0];
    const resolved = (): Promise<string> => kubectl('exec', pod, '--', 'getent', 'hosts', 'backend').catch(() => '');
    expect(await eventually(resolved, Boolean, 60_000)).toMatch(/^10\.96\.\d+\.\d+ +backend\.default\.svc/);
    expect(await kubectl('logs', pod)).toMatch(/echo/);
  });

  it('keeps its objects when all containers go and come again', { timeout: 240_000 }, async () => {
    await call('down');
    expect(existsSync(KUBECONFIG)).toBe(false);
    await start();
    await kubectl('wait', '--for=condition=Available', 'deployment/backend', '--timeout=60s');
    await eventually(() => curl('internet', 'http://52.1.2.3'), answers, 30_000);
  });

  it('leaves nothing', { timeout: 120_000 }, async () => {
    await call('down', '--volumes');
    const filter = `label=com.docker.compose.project=${PROJECT}`;
    for (const words of [
      ['ps', '-aq'],
      ['network', 'ls', '-q'],
      ['volume', 'ls', '-q'],
    ]) {
      expect((await run('docker', [...words, '--filter', filter])).stdout).toBe('');
    }
  });
});
