// A proxy that starts where another one left its rules, and finds one service port of many that the kernel now refuses: answers what
// was found, and what the kernel told of deleted rules meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import { isolate } from '../../proxy/isolate.ts';
import { NODE, servicePort } from '../../proxy/plan.stand-ins.ts';
import type { Plan, ServicePort } from '../../proxy/plan.ts';
import { makeBackend, type ProxyMode } from '../../proxy/proxy.ts';
import { makeTrial } from '../../proxy/trial.ts';
import { answer } from '../network.ts';

export interface Isolation {
  /** Id → what the kernel said of it. */
  readonly refused: Readonly<Record<string, string>>;
  /** Texts of rules and elements that were deleted. */
  readonly deleted: readonly string[];
  /** All rules at the end. */
  readonly rules: string;
  /** Network namespaces at the end. */
  readonly namespaces: number;
}

/** Seconds, more than either tool takes. */
const TOO_LONG = 1e11;
const RING_EVERY_MS = 300;
const COUNT = 40;
/** The n-th is refused, and the one behind it changes as well. */
const BAD = 7;

const ipOf = (n: number): string => `10.96.0.${n + 1}`;
const portOf = (n: number, more: Partial<ServicePort> = {}): ServicePort =>
  servicePort(`service-${n}`, { clusterIP: ipOf(n), ...more });

const planOf = (...changed: ServicePort[]): Plan => {
  const ports = [...Array.from({ length: COUNT }, (_, n) => portOf(n)), ...changed];
  return { family: 'IPv4', node: NODE, services: new Map(ports.map((port) => [port.id, port])) };
};

/** Tells of what is deleted from now on; `end` when it has told all that was. */
async function listen(): Promise<{ end(): Promise<string[]> }> {
  const child = spawn('nft', ['monitor'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let heard: () => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    heard();
  });
  const ring = (bell: string): Promise<string> => check(['nft', 'add', 'table', 'ip', bell]);
  // It does not say from when on it listens, and begins anew with what is there when it hears a bell before.
  for (let turn = 0; lines.length === 0; turn += 1) {
    await ring(`first${turn}`);
    await systemClock.sleep(RING_EVERY_MS);
  }
  const end = async (): Promise<string[]> => {
    const last = new Promise<void>((resolve) => {
      heard = () => lines.at(-1)!.includes('last') && resolve();
    });
    await ring('last');
    await last;
    const closed = once(child, 'close');
    child.kill();
    await closed;
    return lines.filter((line) => line.startsWith('delete') || line.startsWith('destroy'));
  };
  return { end };
}

const LIST: Readonly<Record<ProxyMode, readonly string[]>> = {
  iptables: ['iptables-save'],
  nftables: ['nft', 'list', 'ruleset'],
};

/** Namespaces that some process is in. */
async function namespaces(): Promise<number> {
  const found = await check(['sh', '-c', 'readlink /proc/[0-9]*/ns/net || true']);
  return new Set(found.trim().split('\n')).size;
}

/** `delete rule ip nat KUBE-SERVICES handle 12` with the rule's text behind it. */
async function named(): Promise<(line: string) => string> {
  const texts = new Map<string, string>();
  let table = '';
  for (const line of (await check(['nft', '-a', 'list', 'ruleset'])).split('\n')) {
    const [, name] = /^table (\S+ \S+) \{/.exec(line) ?? [];
    if (name) table = name;
    const [, text, handle] = /^(.*) # handle (\d+)$/.exec(line) ?? [];
    if (handle) texts.set(`${table} ${handle}`, text.trim());
  }
  return (line) => {
    const [, where, handle] = /^\S+ rule (\S+ \S+) .*handle (\d+)$/.exec(line) ?? [];
    return where ? `${line}: ${texts.get(`${where} ${handle}`)}` : line;
  };
}

await answer(async ({ mode }: { mode: ProxyMode }): Promise<Isolation> => {
  await makeBackend(mode, 'IPv4').sync(planOf());
  const [textOf, monitor] = [await named(), await listen()];
  const plan = planOf(portOf(BAD, { affinitySeconds: TOO_LONG }), portOf(BAD + 1, { port: 8081 }));
  const trial = await makeTrial((exec) => makeBackend(mode, 'IPv4', exec), check);
  const refused = await isolate(makeBackend(mode, 'IPv4'), plan, new Set(plan.services.keys()), trial);
  await trial.end();
  return {
    refused: Object.fromEntries([...refused].map(([id, { message }]) => [id, message])),
    deleted: (await monitor.end()).map(textOf),
    rules: await check(LIST[mode]),
    namespaces: await namespaces(),
  };
});
