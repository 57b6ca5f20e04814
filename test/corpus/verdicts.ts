// `npm run check:corpus -- KUBECONFIG`: posts upstream's sample objects to a server of ours and to the one that KUBECONFIG names, and
// tells where the two do not say the same. Each sample is posted as it is, and with metadata that nobody minds, so that what lies
// behind is judged too. Nothing is kept: all of it is a dry run.
import { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { parseApiVersion } from '../../api/object.ts';
import { collectionPath } from '../../client/paths.ts';
import { compare, type Question } from './answers.ts';
import { CORPUS, readCorpus, type Sample } from './corpus.ts';
import { compareServers } from './servers.ts';

function questions({ name, object }: Sample, kind: Kind): Question[] {
  const path = `${collectionPath(kind, 'default')}?dryRun=All&fieldValidation=Strict`;
  const namespace = kind.namespaced && { namespace: 'default' };
  const own = { ...object(), metadata: { ...object().metadata, ...namespace } };
  const plain = { ...object(), metadata: { name: 'sample', ...namespace } };
  return [
    { name: `${name} as it is`, method: 'POST', path, object: own },
    { name: `${name} with plain metadata`, method: 'POST', path, object: plain },
  ];
}

/** Returns the exit code. */
async function main([kubeconfig]: readonly string[]): Promise<number> {
  const samples = readCorpus();
  if (!samples || !kubeconfig) {
    process.stderr.write(`usage: ${CORPUS}=FOLDER npm run check:corpus -- KUBECONFIG\n`);
    return 2;
  }
  const catalogue = new Catalogue();
  return compareServers(kubeconfig, async ({ ours, theirs }, tally) => {
    for (const sample of samples) {
      const { apiVersion = '', kind: name = '' } = sample.object();
      const { group, version } = parseApiVersion(apiVersion);
      const kind = catalogue.byKind(group, version, name);
      if (!kind?.verbs.has('create')) continue;
      for (const question of questions(sample, kind)) tally.count(question.name, await compare(ours, theirs, question));
    }
  });
}

process.exitCode = await main(process.argv.slice(2));
