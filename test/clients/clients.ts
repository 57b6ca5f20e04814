// The clients that nobody here wrote: how each is made ready, and how its checks are run. Each is a small program in a folder of its
// own; it prints a line for each check (`ok   NAME` or `FAIL NAME: WHY`) and ends with 1 when one failed.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Client {
  readonly name: string;
  /** The folder of its sources, which says when it is to be made ready anew; absent: there is nothing to make. */
  readonly source?: string;
  /** Programs it needs; a machine without them skips it. */
  readonly needs: readonly string[];
  /** Makes it ready in `cache`, a folder of its own outside the tree. */
  prepare(cache: string): readonly Command[];
  checks(cache: string): Command;
}

/** Also right in a bundle, which lies as deep below the root as this file. */
const HERE = new URL('../../test/clients/', import.meta.url).pathname;

const source = (name: string): string => join(HERE, name);

/** One that is all of a folder of Go. */
const goProgram = (name: string, folder: string): Client => ({
  name,
  source: source(folder),
  needs: ['go'],
  prepare: (cache) => [{ argv: ['go', 'build', '-o', join(cache, 'checks'), '.'], cwd: source(folder) }],
  checks: (cache) => ({ argv: [join(cache, 'checks')] }),
});

const clientGo = goProgram('client-go', 'go');
const controllerRuntime = goProgram('controller-runtime', 'controller-runtime');

const helm: Client = {
  name: 'helm',
  source: source('helm'),
  needs: ['go', 'bash'],
  prepare: (cache) => [
    { argv: ['go', 'build', '-o', join(cache, 'helm'), 'helm.sh/helm/v4/cmd/helm'], cwd: source('helm') },
  ],
  checks: (cache) => ({ argv: ['bash', join(source('helm'), 'checks.sh')], env: { HELM: join(cache, 'helm') } }),
};

const python: Client = {
  name: 'python',
  source: source('python'),
  needs: ['python3'],
  prepare: (cache) => [
    { argv: ['python3', '-m', 'venv', cache] },
    { argv: [join(cache, 'bin/pip'), 'install', '--quiet', '-r', join(source('python'), 'requirements.txt')] },
  ],
  checks: (cache) => ({ argv: [join(cache, 'bin/python'), join(source('python'), 'checks.py')] }),
};

const fabric8: Client = {
  name: 'fabric8',
  source: source('java'),
  needs: ['mvn', 'java'],
  prepare: (cache) => [
    { argv: ['mvn', '--quiet', '--batch-mode', '-f', join(source('java'), 'pom.xml'), `-Dto=${cache}`, 'package'] },
  ],
  checks: (cache) => ({ argv: ['java', '-cp', `${cache}/classes:${cache}/lib/*`, 'Checks'] }),
};

const kubeRs: Client = {
  name: 'kube-rs',
  source: source('rust'),
  needs: ['cargo'],
  prepare: (cache) => [{ argv: ['cargo', 'build', '--quiet', '--locked', '--target-dir', cache], cwd: source('rust') }],
  checks: (cache) => ({ argv: [join(cache, 'debug/clients')] }),
};

/** Copied: Node looks for modules beside the file that asks for them. 1.x, since 2.x does not load on Node.js 20. */
const clientNode: Client = {
  name: 'client-node',
  source: source('client-node'),
  needs: ['npm'],
  prepare: (cache) => [
    { argv: ['cp', '-r', `${source('client-node')}/.`, cache] },
    { argv: ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], cwd: cache },
  ],
  checks: (cache) => ({ argv: [process.execPath, join(cache, 'checks.mjs')] }),
};

/** kubectl, and every `kubectl.VERSION` that lies beside it. */
export function kubectls(): Client[] {
  const kubectl = findProgram('kubectl');
  if (!kubectl) return [kubectlAt('kubectl', 'kubectl')];
  const folder = dirname(realpathSync(kubectl));
  const versions = readdirSync(folder).filter((name) => /^kubectl\.1\.\d+$/.test(name));
  if (versions.length === 0) return [kubectlAt('kubectl', kubectl)];
  return versions.map((name) => kubectlAt(name, join(folder, name)));
}

function kubectlAt(name: string, path: string): Client {
  const namespace = name.replaceAll('.', '-');
  return {
    name,
    needs: ['bash', path],
    prepare: () => [],
    checks: () => ({ argv: ['bash', join(source('kubectl'), 'checks.sh'), namespace], env: { KUBECTL: path } }),
  };
}

export function allClients(): Client[] {
  return [...kubectls(), clientNode, clientGo, controllerRuntime, helm, python, fabric8, kubeRs];
}

/** The path of a program on PATH, or of one that is a path already. */
export function findProgram(name: string): string | undefined {
  if (name.includes('/')) return existsSync(name) ? name : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
