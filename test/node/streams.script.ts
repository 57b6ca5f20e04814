// Logs, commands and ports of pods through a real API server and a real node agent, asked for by kubectl; answers with what was seen.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { run } from '../../host/exec.ts';
import { answer, shell } from '../network.ts';
import { execByLibrary } from './library-exec.ts';
import { createPod, getPod, isReady, NODE_IP, type OneNode, startOneNode, until } from './one-node.ts';
import { Terminal } from './terminal.ts';

interface Input {
  /** One group after the other; the scenes of a group side by side. */
  readonly groups: readonly (readonly (keyof typeof SCENES)[])[];
  /** Path of the kubectl to use. */
  readonly kubectl: string;
}

interface Stage {
  readonly node: OneNode;
  readonly kubectl: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs a line of shell in which `k` is kubectl. */
  sh(line: string): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Resolves when there is such a pod of one container, and it is Ready: one for all scenes that ask for it. */
  pod(name: string, container: object): Promise<void>;
}

const BOX = { image: 'busybox', command: ['sleep', '100000'], env: [{ name: 'COLOR', value: 'blue' }] };
/** Bytes that go both ways; many more do in test/checker/streams.ts. */
const LARGE = 8 << 20;

async function commands({ pod, sh, env, kubectl }: Stage): Promise<unknown> {
  await pod('box', BOX);
  const both = await sh("k exec box -- sh -c 'echo out $COLOR; echo err >&2; exit 3'");
  const typed = await sh('printf "a\\nb\\n" | k exec -i box -- wc -l');
  const missing = await sh('k exec box -- nope');
  const stranger = await sh('k exec box -c other -- true');
  const files = await sh('k exec box -- sh -c "echo to the file >/dev/stderr"');
  const terminal = new Terminal(`${kubectl} exec -it box -- sh`, { rows: 33, columns: 101 }, env);
  await terminal.shows('/ #');
  terminal.type('tty; stty size\n');
  await terminal.shows('/dev/pts/0');
  await terminal.shows('33 101');
  await terminal.resize({ rows: 44, columns: 132 });
  terminal.type('until stty size | grep 44; do sleep 0.1; done\n');
  await terminal.shows('44 132');
  terminal.type("sh -c 'echo up-$((6 * 7)); exec sleep 1000'\n");
  await terminal.shows('up-42');
  terminal.type('\x03');
  await terminal.shows('^C');
  terminal.type('echo $TERM-$((6 * 7)); exit 7\n');
  await terminal.shows('xterm-42');
  return { both, typed, missing, stranger, files, terminal: await terminal.ended() };
}

async function attaching({ pod, sh, env, kubectl, node }: Stage): Promise<unknown> {
  await pod('shell', { image: 'busybox', stdin: true, tty: true });
  const first = new Terminal(`${kubectl} attach -it shell`, { rows: 20, columns: 70 }, env);
  const second = new Terminal(`${kubectl} attach shell`, { rows: 20, columns: 70 }, env);
  first.type('\n');
  await first.shows('/ #');
  first.type('until stty size | grep 70; do sleep 0.1; done; while :; do echo seen-$((6 * 7)); sleep 0.2; done\n');
  await Promise.all([first.shows('seen-42'), second.shows('seen-42')]);
  first.type('\x03');
  await first.shows('^C');
  await node.stopAgent();
  await Promise.all([first.ended(), second.ended()]);
  node.startAgent();
  const again = await until('attached to the same shell by the next agent', async () => {
    const { exitCode, stdout } = await sh('printf "echo again-\\$((6 * 7))\\nexit 5\\n" | k attach -i shell');
    return exitCode === 0 && stdout.includes('again-42') ? stdout : undefined;
  });
  const piped = await sh('echo hello | k run --rm -i --restart=Never --image=busybox reader -q -- md5sum');
  const shown = new Terminal(
    `${kubectl} run --rm -it --restart=Never --image=busybox asker -- sh`,
    { rows: 20, columns: 70 },
    env,
  );
  await shown.shows("If you don't see a command prompt");
  shown.type('\n');
  await shown.shows('/ #');
  shown.type('exit 5\n');
  const previous = await until('the shell was started again', async () => {
    const { stdout } = await sh('k logs shell --previous');
    return stdout.includes('again-42');
  });
  return { again: again.includes('again-42'), piped, asker: await shown.ended(), previous };
}

async function ports({ pod, sh, node, kubectl, env }: Stage): Promise<unknown> {
  await pod('web', { image: 'echo', ports: [{ containerPort: 8080 }, { containerPort: 9090 }] });
  const forward = spawn(kubectl, ['port-forward', 'pod/web', ':8080', ':9090', ':81'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const forwardEnded = once(forward, 'exit'); // it may end by itself: a port that nobody serves ends all
  let said = '';
  forward.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [one, two, closed] = await until('three ports are open', async () => {
    const found = [...said.matchAll(/from 127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => port);
    return found.length === 3 ? found : undefined;
  });
  const first = await shell(`curl -s -m 5 http://127.0.0.1:${one}/hostname`);
  const second = await shell(`curl -s -m 5 http://127.0.0.1:${two}/a | grep port`);
  const sent = randomBytes(LARGE);
  const body = join(node.directory, 'body');
  createWriteStream(body).end(sent);
  const posted = await shell(`curl -s -m 60 --data-binary @${body} http://127.0.0.1:${one}/ | grep method`);
  const many = await shell(
    `for i in $(seq 40); do curl -s -m 60 http://127.0.0.1:${one}/hostname & done | sort | uniq -c; wait`,
  );
  const nobody = await run(['curl', '-s', '-m', '5', `http://127.0.0.1:${closed}/`]);
  forward.kill();
  await forwardEnded;
  await sh('k expose pod web --port 80 --target-port 9090');
  const raw = (path: string) => sh(`k get --raw /api/v1/${path}`);
  const proxied = {
    pod: (await raw('namespaces/default/pods/web:8080/proxy/hostname')).stdout,
    service: await until('the Service has an endpoint', async () => {
      const { stdout } = await raw('namespaces/default/services/web:80/proxy/a?json=1');
      return stdout || undefined;
    }),
    node: (await raw('nodes/node-1/proxy/healthz')).stdout,
    nobody: (await raw('namespaces/default/pods/web:81/proxy/')).stderr,
    noPort: (await raw('namespaces/default/services/web:81/proxy/')).stderr,
  };
  return { first, second, posted, many, nobody: nobody.exitCode, proxied };
}

async function logs({ pod, sh, node }: Stage): Promise<unknown> {
  const script = 'for i in 1 2 3; do echo line $i; done; echo bad >&2; exec sleep 100000';
  await pod('talker', { image: 'busybox', command: ['sh', '-c', script] });
  await pod('counter', {
    image: 'busybox',
    command: ['sh', '-c', 'i=0; while :; do echo $i; i=$((i + 1)); sleep 0.05; done'],
  });
  await until('all is said', async () => (await sh('k logs talker')).stdout.includes('bad'));
  const timed = (await sh('k logs talker --timestamps --tail=1')).stdout;
  return {
    all: (await sh('k logs talker')).stdout.split('\n').sort(),
    tail: (await sh('k logs talker --tail=2')).stdout.split('\n').length,
    timed: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \S/.test(timed),
    none: (await sh('k logs talker --since-time=2999-01-01T00:00:00Z')).stdout,
    bytes: (await sh('k logs talker --limit-bytes=5')).stdout.length,
    followed: (await sh('k logs -f counter | head -20')).stdout.split('\n').slice(0, 20),
    labelled: (await sh('k logs -l app=talker --all-containers --prefix --tail=1')).stdout.startsWith(
      '[pod/talker/talker] ',
    ),
    previous: (await sh('k logs talker -p')).stderr,
    stranger: (await sh('k logs talker -c other')).stderr,
    nobody: (await sh('k logs nobody')).stderr,
    negative: (await sh('k get --raw "/api/v1/namespaces/default/pods/talker/log?tailLines=-1"')).stderr,
    unknownImage: await unknownImage(sh),
    socket: await logOverWebSocket(node, 'talker'),
  };
}

async function logOverWebSocket({ kubeconfig }: OneNode, pod: string): Promise<string[]> {
  const { server, ca, token } = await loadKubeconfig(kubeconfig);
  const url = `${server.replace('https', 'wss')}/api/v1/namespaces/default/pods/${pod}/log`;
  const socket = new WebSocket(url, ['binary.k8s.io'], { ca, headers: { authorization: `Bearer ${token}` } });
  const pieces: string[] = [];
  socket.on('message', (piece) => pieces.push(String(piece)));
  await once(socket, 'close');
  return pieces.join('').split('\n').sort();
}

async function usage({ pod, sh, node }: Stage): Promise<unknown> {
  const spin = 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); while :; do :; done';
  await pod('idle', BOX);
  await createPod(node.client, 'busy', {
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: 'spins', image: 'busybox', command: ['sh', '-c', spin] },
      { name: 'waits', ...BOX },
    ],
  });
  const rows = async (words: string): Promise<string[][]> => {
    const { stdout } = await sh(`k top ${words} --no-headers`);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.trim().split(/\s+/));
  };
  const [, cores, memory] = await until('it has been busy for a while', async () => {
    const [row] = await rows('pod busy');
    return row && Number.parseInt(row[1], 10) > 50 && Number.parseInt(row[2], 10) > 25 ? row : undefined;
  });
  const raw = async (path: string) => JSON.parse((await sh(`k get --raw ${path}`)).stdout);
  const metrics = '/apis/metrics.k8s.io/v1beta1';
  return {
    units: [cores, memory].map((text) => text.replace(/\d+/, '')),
    sorted: (await rows('pod -l "app in (busy, idle)" --sort-by=cpu')).map(([name]) => name),
    chosen: (await rows('pod -l app=idle')).map(([name]) => name),
    containers: (await rows('pod busy --containers')).map(([, name]) => name).sort(),
    everywhere: (await rows('pod -A')).filter(([, name]) => name === 'idle' || name === 'busy'),
    node: (await until('the node has been looked at', async () => (await rows('node'))[0]))[0],
    nobody: (await sh('k top pod nobody')).stderr,
    group: (await raw(metrics)).resources.map(({ name, verbs }: { name: string; verbs: string[] }) => [name, verbs]),
    one: await raw(`${metrics}/namespaces/default/pods/idle`),
    table: (await sh('k get podmetrics idle')).stdout.split('\n')[0].split(/\s+/),
    text: (await sh(`k get --raw /api/v1/nodes/node-1/proxy/metrics/resource`)).stdout,
    explained: (await sh('k explain pod.spec.nodeName')).stdout.includes('nodeName'),
  };
}

async function unknownImage(sh: Stage['sh']): Promise<string> {
  await sh('k run nowhere --image=registry.example/redis:7');
  return until('its image is not there', async () => {
    const { stderr } = await sh('k logs nowhere');
    return stderr.includes('pull') ? stderr : undefined;
  });
}

async function large({ pod, sh, node }: Stage): Promise<unknown> {
  await pod('box', BOX);
  const file = join(node.directory, 'large');
  await shell(`head -c ${LARGE} /dev/urandom > ${file}`);
  const sum = (await shell(`md5sum < ${file}`)).slice(0, 32);
  const through = (await sh(`k exec -i box -- cat < ${file} | md5sum`)).stdout.slice(0, 32);
  // Somebody who reads nothing at first makes the command wait.
  const slow = (await sh('k exec box -- head -c 30000000 /dev/zero | (sleep 1; wc -c)')).stdout.trim();
  const copied = await sh(`k cp ${file} box:/tmp/large && k exec box -- md5sum /tmp/large`);
  await sh(`k cp box:/tmp/large ${file}.back`);
  const back = (await shell(`md5sum < ${file}.back`)).slice(0, 32);
  return { sum, through, slow, copied: copied.stdout.slice(0, 32), back };
}

/** What is open in this process, which is API server and agent at once, and what runs for sessions. */
const open = () => ({
  descriptors: readdirSync('/proc/self/fd').length,
  sessions: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isSession(pid)).length,
});

function isSession(pid: string): boolean {
  const file = `/proc/${pid}/cmdline`;
  try {
    return existsSync(file) && /shim\.pl\0(session|dial)/.test(readFileSync(file, 'latin1'));
  } catch {
    return false; // it ended while we looked
  }
}

async function leftovers({ pod, sh, kubectl, env, node }: Stage): Promise<unknown> {
  await pod('box', BOX);
  await sh('k exec box -- true');
  const before = open();
  await sh(
    'for i in $(seq 12); do k exec -i box -- sh -c "cat; exit 1" < /dev/null & [ $((i % 4)) = 0 ] && wait; done; wait',
  );
  const abrupt: string[][] = [
    ['exec', 'box', '--', 'yes'],
    ['exec', 'box', '--', 'sleep', '1000'],
    ['exec', '-i', 'box', '--', 'sleep', '1000'],
    ['logs', '-f', 'box'],
  ];
  for (const words of abrupt) {
    const client = spawn(kubectl, words, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = once(client, 'exit');
    client.stdin.on('error', () => {}).write(Buffer.alloc(8 << 20));
    await until('it runs', async () => words[0] === 'logs' || open().sessions > 0);
    client.kill('SIGKILL');
    await ended;
  }
  const after = await until('all is closed', async () => {
    const now = open();
    return now.sessions === 0 && now.descriptors <= before.descriptors + 2 ? now : undefined;
  });
  const client = spawn(kubectl, ['exec', 'box', '--', 'sleep', '4321'], { env, stdio: 'ignore' });
  const clientEnded = once(client, 'exit');
  await until('it runs', async () => (await shell('pgrep -xf "sleep 4321" || true')) !== '');
  await node.stopAgent();
  const [code] = await clientEnded;
  await until('the command went with the agent', async () => (await shell('pgrep -xf "sleep 4321" || true')) === '');
  node.startAgent();
  await until('the next agent answers', async () => (await sh('k exec box -- true')).exitCode === 0);
  return { sessions: after.sessions, code };
}

async function strangers({ node }: Stage): Promise<unknown> {
  const stdout = await until('the agent listens', async () => {
    return (await run(['curl', '-sk', `https://${NODE_IP}:10250/pods`])).stdout;
  });
  const config = JSON.parse(readFileSync(node.kubeconfig, 'utf8')) as {
    clusters: { cluster: Record<string, string> }[];
  };
  const ca = Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64');
  const socket = connectTls({ host: NODE_IP, port: 10250, ca });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  // One node's certificate opens no door to another.
  const other = await node.requestAs('node-1', '/pods');
  return { anonymous: stdout, name, other };
}

async function library({ pod, node }: Stage): Promise<unknown> {
  await pod('box', BOX);
  return execByLibrary(node.kubeconfig, LARGE);
}

const SCENES = { commands, attaching, ports, logs, usage, large, leftovers, strangers, library };

function stageOf(node: OneNode, kubectl: string): Stage {
  const env = { ...process.env, KUBECONFIG: node.kubeconfig, HOME: node.directory };
  const made = new Map<string, Promise<unknown>>();
  const make = async (name: string, container: object): Promise<void> => {
    await createPod(node.client, name, {
      terminationGracePeriodSeconds: 0,
      containers: [{ name, image: '', ...container }],
    });
    await until(`${name} is Ready`, async () => isReady(await getPod(node.client, name)));
  };
  return {
    node,
    kubectl,
    env,
    sh: (line) => run(['sh', '-c', `k() { ${kubectl} "$@"; }\n${line}`], { env, timeoutMs: 120_000 }),
    async pod(name, container) {
      if (!made.has(name)) made.set(name, make(name, container));
      await made.get(name);
    },
  };
}

await answer(async ({ groups, kubectl }: Input) => {
  const node = await startOneNode();
  const stage = stageOf(node, kubectl);
  const seen: [string, unknown][] = [];
  for (const group of groups) {
    // What one scene fails with is that scene's answer.
    const outcomes = group.map(async (name): Promise<[string, unknown]> => {
      return [name, await SCENES[name](stage).catch((error: Error) => `failed: ${error.message}`)];
    });
    seen.push(...(await Promise.all(outcomes)));
  }
  await node.close();
  return Object.fromEntries(seen);
});
