// `npm run check:corpus -- KUBECONFIG`: posts upstream's sample objects to a server of ours and to the one that KUBECONFIG names, and
// tells where the two do not say the same: the status code, and which fields are wrong in which way. Each sample is posted as it
// is, and with metadata that nobody minds, so that what lies behind is judged too. Nothing is kept: all of it is a dry run.
import { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf, parseApiVersion } from '../../api/object.ts';
import type { Status } from '../../api/status.ts';
import type { Connection } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { startServerProcess } from '../harness/apiserver.ts';
import { ask } from '../harness/ask.ts';
import { CORPUS, readCorpus, type Sample } from './corpus.ts';

const PATIENCE_MS = 20_000;

/** A verdict as one line a fact: the code first, then each cause by field and reason. */
async function verdict(server: Connection, kind: Kind, object: AnyObject): Promise<string[]> {
  const place = `${kind.group ? '/apis' : '/api'}/${apiVersionOf(kind.group, kind.version)}`;
  const path = `${place}${kind.namespaced ? '/namespaces/default' : ''}/${kind.plural}?dryRun=All&fieldValidation=Strict`;
  const { status, text } = await ask(server, {
    method: 'POST',
    path,
    body: JSON.stringify(object),
    patienceMs: PATIENCE_MS,
  });
  const said = JSON.parse(text) as Status;
  const causes = (said.details?.causes ?? []).map(({ field, reason }) => `${field}: ${reason}`);
  const why = causes.length === 0 && status >= 400 ? [`${said.message}`] : [];
  return [`${status}`, ...[...new Set(causes)].sort(), ...why];
}

function variants({ name, object }: Sample, { namespaced }: Kind): { name: string; object: AnyObject }[] {
  const own = { ...object(), metadata: { ...object().metadata, ...(namespaced && { namespace: 'default' }) } };
  const metadata = { name: 'sample', ...(namespaced && { namespace: 'default' }) };
  return [
    { name: `${name} as it is`, object: own },
    { name: `${name} with plain metadata`, object: { ...object(), metadata } },
  ];
}

/** Returns the exit code. */
async function main([kubeconfig]: readonly string[]): Promise<number> {
  const samples = readCorpus();
  if (!samples || !kubeconfig) {
    process.stderr.write(`usage: ${CORPUS}=FOLDER npm run check:corpus -- KUBECONFIG\n`);
    return 2;
  }
  const theirs = await loadKubeconfig(kubeconfig);
  const server = await startServerProcess();
  const ours = await loadKubeconfig(server.kubeconfig);
  const catalogue = new Catalogue();
  let same = 0;
  let other = 0;
  try {
    for (const sample of samples) {
      const { apiVersion = '', kind: name = '' } = sample.object();
      const { group, version } = parseApiVersion(apiVersion);
      const kind = catalogue.byKind(group, version, name);
      if (!kind?.verbs.has('create')) continue;
      for (const { name, object } of variants(sample, kind)) {
        const [one, two] = await Promise.all([verdict(ours, kind, object), verdict(theirs, kind, object)]);
        const lines = [
          ...two.filter((line) => !one.includes(line)).map((line) => `  - ${line}`),
          ...one.filter((line) => !two.includes(line)).map((line) => `  + ${line}`),
        ];
        if (lines.length === 0) same++;
        else {
          other++;
          process.stdout.write(`${name}\n${lines.join('\n')}\n`);
        }
      }
    }
  } finally {
    await server.stop();
  }
  process.stdout.write(`${same} verdicts are the same, ${other} are not (-: theirs, +: ours)\n`);
  return other === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
