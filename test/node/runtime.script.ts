// Real containers, without an API server: `work` is one of the scenes below; each answers with what it saw.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessRuntime } from '../../node/process-runtime/process-runtime.ts';
import { type ContainerSpec, type ContainerState, containerID, type Sandbox } from '../../node/runtime.ts';
import { answer, shell } from '../network.ts';
import { until } from './one-node.ts';

interface Input {
  readonly scene: keyof typeof SCENES;
  readonly directory?: string;
}

interface Stage {
  readonly runtime: ProcessRuntime;
  readonly directory: string;
  start(name: string, spec?: Partial<ContainerSpec>): Promise<ContainerState>;
  exec(name: string, command: string): Promise<{ exitCode: number; output: string }>;
  log(name: string): string;
}

function stageOf(runtime: ProcessRuntime, directory: string): Stage {
  const sandbox: Sandbox = {
    podUID: 'uid',
    namespace: 'default',
    podName: 'web',
    nodeName: 'node-1',
    hostname: 'web',
    podIPs: ['10.244.1.2'],
    directory: join(directory, 'pods/uid'),
    resolvConf: 'nameserver 10.96.0.10\n',
    hosts: '10.244.1.2\tweb\n',
  };
  const idOf = (name: string): string => containerID('uid', name, 0);
  return {
    runtime,
    directory,
    start: (name, spec) =>
      runtime.start(sandbox, { id: idOf(name), name, attempt: 0, image: 'busybox', env: {}, ports: [], ...spec }),
    exec: (name, command) => runtime.exec(idOf(name), ['sh', '-c', command], { timeoutMs: 5000 }),
    log: (name) => readFileSync(join(directory, `pods/uid/${name}/0.log`), 'utf8'),
  };
}

const ended = (runtime: ProcessRuntime, id: string): Promise<ContainerState> =>
  until(`${id} ends`, async () => {
    const state = runtime.status(id);
    return state?.running ? undefined : state;
  });

async function life({ runtime, start, exec, log }: Stage): Promise<unknown> {
  const began = performance.now();
  await start('a', { command: ['sleep', '1000'], env: { COLOR: 'blue' } });
  const startMs = performance.now() - began;
  const inside = await exec(
    'a',
    'hostname; echo $COLOR; cat /etc/resolv.conf; cat /proc/1/comm; touch /x && echo writable',
  );
  const capabilities = await exec('a', 'grep CapEff /proc/self/status; mount -t tmpfs x /tmp');
  const missing = await runtime.exec('uid_a_0', ['nope'], { timeoutMs: 5000 });
  const late = await runtime.exec('uid_a_0', ['sleep', '100'], { timeoutMs: 100 });
  const refused = await start('b', { command: ['nope'] }).catch((error: Error) => `${error.name}: ${error.message}`);
  await start('c', { command: ['sh', '-c', 'echo out; echo err >&2; printf unfinished; exit 3'] });
  const exit = await ended(runtime, 'uid_c_0');
  const said = log('c').replace(/^\S+Z /gm, '');
  const stopped = await runtime.stop('uid_a_0', 0);
  await start('d', { command: ['sh', '-c', 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done'] });
  await until('d is up', async () => log('d').includes('up'));
  const graceful = await runtime.stop('uid_d_0', 20);
  for (const { id } of runtime.list()) await runtime.remove(id);
  return { startMs, inside, capabilities, missing, late, refused, exit, said, stopped, graceful, left: runtime.list() };
}

async function echo({ runtime, start, log }: Stage): Promise<unknown> {
  const began = performance.now();
  const { pid } = await start('e', {
    image: 'echo',
    ports: [8080, 9090],
    env: { POD_NAME: 'web', POD_IP: '10.244.1.2' },
  });
  const upMs = performance.now() - began;
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  const text = await shell('curl -s -m 2 http://127.0.0.1:8080/a?b=c');
  const json = JSON.parse(await shell('curl -s -m 2 -H "Accept: application/json" http://127.0.0.1:9090/'));
  const health = await shell('curl -s -m 2 -o /dev/null -w "%{http_code}" http://127.0.0.1:8080/healthz');
  const kept = await shell(
    'curl -s -m 2 -w "%{num_connects} " -o /dev/null http://127.0.0.1:8080/ -o /dev/null http://127.0.0.1:8080/',
  );
  const posted = await shell(
    'head -c 3000000 /dev/zero | curl -s -m 5 --data-binary @- http://127.0.0.1:8080/ | grep method',
  );
  const chunked = await shell(
    'printf abc | curl -s -m 2 -H "Transfer-Encoding: chunked" -d @- http://127.0.0.1:8080/ | grep method',
  );
  const tcp = await shell('printf "PING\\n" | busybox nc -w 2 127.0.0.1 8080');
  const udp = await shell(
    "perl -MSocket -e 'socket S,2,2,0; connect S,pack_sockaddr_in(9090,inet_aton(q(127.0.0.1))); send S,q(ping),0; recv S,$b,99,0; print $b'",
  );
  const broken = await shell('printf "GET nonsense\\n\\n" | busybox nc -w 2 127.0.0.1 8080 | head -1');
  const began2 = performance.now();
  const stopped = await runtime.stop('uid_e_0', 20);
  const stopMs = performance.now() - began2;
  return {
    upMs,
    rss: Number(rss),
    text,
    json,
    health,
    kept,
    posted,
    chunked,
    tcp,
    udp,
    broken,
    stopped,
    stopMs,
    log: log('e'),
  };
}

/** An agent that is killed with its containers running; then the next one. */
async function adoption({ directory }: Stage): Promise<unknown> {
  const first = spawn(process.execPath, [process.argv[1]], { stdio: ['pipe', 'ignore', 'inherit'] });
  first.stdin.end(JSON.stringify({ scene: 'dies', directory }));
  await once(first, 'exit');
  const { runtime, start } = stageOf(await ProcessRuntime.open({ directory }), directory);
  const stop = new AbortController();
  const hearing = runtime.run(stop.signal);
  const found = runtime.list().map(({ id, running, exitCode }) => ({ id, running, exitCode }));
  const twice = await start('lives', { command: ['sleep', '1'] }).catch((error: Error) => error.message);
  const { pid } = runtime.status('uid_lives_0')!;
  const began = performance.now();
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGKILL');
  const killed = await ended(runtime, 'uid_lives_0');
  const noticedMs = performance.now() - began;
  // The shim of the other one dies: the kernel takes its container along.
  const other = runtime.status('uid_other_0')!.pid;
  process.kill(Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${other}/status`, 'utf8'))![1]), 'SIGKILL');
  const orphan = await ended(runtime, 'uid_other_0');
  const processes = (await shell('pgrep -f "shim[.]pl|^sleep" || true')).trim();
  stop.abort();
  await hearing;
  return { found, twice, killed: killed.exitCode, noticedMs, orphan: orphan.exitCode, processes };
}

async function dies({ runtime, start }: Stage): Promise<unknown> {
  await start('lives', { command: ['sleep', '1000'] });
  await start('other', { command: ['sleep', '1000'] });
  await start('ends', { command: ['sh', '-c', 'exit 4'] });
  await ended(runtime, 'uid_ends_0');
  process.kill(process.pid, 'SIGKILL');
  return undefined;
}

async function logs({ runtime, start, log }: Stage): Promise<unknown> {
  const followed: Buffer[] = [];
  await start('long', { command: ['sh', '-c', 'head -c 40000 /dev/zero | tr "\\0" x; echo; sleep 0.2; echo end'] });
  for await (const chunk of runtime.logs('uid_long_0', { follow: true })) followed.push(chunk as Buffer);
  const lengths = log('long')
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\S+ /, '').replace(/x+/, (x) => `${x.length}`));
  await start('much', { command: ['sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done'] });
  await ended(runtime, 'uid_much_0');
  return {
    isSame: Buffer.concat(followed).toString() === log('long'),
    lengths,
    size: log('much').length,
    last: log('much').trimEnd().split('\n').at(-1)?.split(' F ')[1],
  };
}

/** No room is left where logs and state are kept; then there is some again. */
async function fullDisk({ runtime, directory, start, exec, log }: Stage): Promise<unknown> {
  await runtime.pull('busybox');
  await shell(`cat /dev/zero > ${directory}/filler || truncate -s -500K ${directory}/filler`);
  await start('dies', { command: ['sleep', '1000'] });
  const command = 'seq 40000; touch /tmp/full; until [ -e /tmp/go ]; do sleep 0.05; done; echo after; exit 5';
  await start('talks', { command: ['sh', '-c', command] });
  await until('it has said too much', async () => (await exec('talks', 'test -e /tmp/full')).exitCode === 0);
  await shell(`cat /dev/zero > ${directory}/more || true`);
  const whole = log('talks');
  const refused = await start('late', { command: ['true'] }).catch((error: Error) => error.message);
  const killed = await runtime.stop('uid_dies_0', 0);
  const written = readFileSync(join(directory, 'containers/uid_dies_0.exit'), 'utf8').split('\n')[0];
  const isRunning = runtime.status('uid_talks_0')?.running;
  await shell(`rm ${directory}/filler ${directory}/more`);
  await start('late', { command: ['true'] });
  await exec('talks', 'touch /tmp/go');
  const { exitCode } = await ended(runtime, 'uid_talks_0');
  const lines = whole.trimEnd().split('\n');
  return {
    refused,
    killed: killed?.exitCode,
    written,
    isRunning,
    exitCode,
    torn: lines.filter((line, index) => !line.endsWith(` stdout F ${index + 1}`)),
    isWhole: whole.endsWith('\n'),
    lost: Number(/ stderr F \[(\d+) lines of this log are lost/.exec(log('talks'))?.[1]) + lines.length,
    after: log('talks').trimEnd().split(' ').at(-1),
  };
}

const SCENES = { fullDisk, life, echo, adoption, dies, logs };

await answer<Input, unknown>(async ({ scene, directory: given }) => {
  const directory = given ?? mkdtempSync(join(tmpdir(), 'vitrine-runtime-'));
  if (scene === 'fullDisk') await shell(`mount -t tmpfs -o size=16m none ${directory}`);
  const stop = new AbortController();
  const runtime = await ProcessRuntime.open({ directory, logSize: scene === 'logs' ? 50_000 : undefined });
  const hearing = runtime.run(stop.signal);
  try {
    return await SCENES[scene](stageOf(runtime, directory));
  } finally {
    stop.abort();
    await hearing;
    if (scene === 'fullDisk') await shell(`umount -l ${directory}`);
    if (!given) rmSync(directory, { recursive: true, force: true });
  }
});
