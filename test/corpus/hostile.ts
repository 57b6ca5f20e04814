// `npm run check:verdicts -- KUBECONFIG [KIND…]`: sends hostile variants of good objects (seeds.yaml, seeds-cluster.yaml) to a server of ours and to
// the one that KUBECONFIG names, and tells where the two do not say the same: as creations, as updates, and as updates of the
// status. What is accepted is compared field by field, and so are defaults. All of it is a dry run, but for the good objects.
import { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, copyOf } from '../../api/object.ts';
import type { Connection } from '../../client/connection.ts';
import { collectionPath } from '../../client/paths.ts';
import { ask } from '../harness/ask.ts';
import { compare, type Question } from './answers.ts';
import { readSeeds, type Seed, variantsFor } from './seeds.ts';
import { compareServers, type Servers } from './servers.ts';
import type { Tally } from './tally.ts';
import { type Variant, variantsOf } from './variants.ts';

const PATIENCE_MS = 20_000;
/** Questions under way. */
const AT_ONCE = 8;

const pathOf = (kind: Kind, { metadata }: AnyObject): string => collectionPath(kind, metadata.namespace);

/** As the server keeps it; created if it is not there. Throws what the server says otherwise. */
async function stored(server: Connection, path: string, seed: AnyObject): Promise<AnyObject> {
  const made = await ask(server, { method: 'POST', path, body: JSON.stringify(seed), patienceMs: PATIENCE_MS });
  if (made.status !== 201 && made.status !== 409) throw new Error(`${path} ${seed.metadata.name}: ${made.text}`);
  const { text } = await ask(server, { method: 'GET', path: `${path}/${seed.metadata.name}`, patienceMs: PATIENCE_MS });
  return JSON.parse(text) as AnyObject;
}

/** What nobody but the server may say, or must. */
const BORN: Variant = {
  name: 'metadata says what it was',
  apply({ metadata }): void {
    const said = { generation: 7, selfLink: '/seed', uid: 'one', deletionGracePeriodSeconds: 5 };
    Object.assign(metadata, said, { creationTimestamp: '2020-01-01T00:00:00Z' });
  },
};

/** What some kinds let the status' writers say too. */
const RELABELLED: Variant = {
  name: 'metadata changed',
  apply({ metadata }): void {
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'seed', uid: 'one' };
    const said = { labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['example.com/seed'] };
    Object.assign(metadata, said, { ownerReferences: [owner] });
  },
};

function creations(kind: Kind, seed: AnyObject, variants: readonly Variant[]): Question[] {
  return [BORN, ...variants].map((variant) => {
    const object = copyOf(seed);
    object.metadata.name = `${seed.metadata.name}-2`;
    variant.apply(object);
    return {
      name: `${kind.kind} created: ${variant.name}`,
      method: 'POST',
      path: `${pathOf(kind, seed)}?dryRun=All`,
      object,
    };
  });
}

/** Without a version, unless the kind asks for one: the object may be written meanwhile. */
function changed({ rules }: Kind, { metadata, ...rest }: AnyObject, variant: Variant): AnyObject {
  const { name, namespace, labels, annotations } = metadata;
  const version = rules.conditionalUpdateOnly && { resourceVersion: metadata.resourceVersion };
  const object = copyOf({ ...rest, metadata: { name, namespace, labels, annotations, ...version } });
  variant.apply(object);
  return object;
}

function updates(
  kind: Kind,
  [theirs, ours]: readonly [AnyObject, AnyObject],
  variants: readonly Variant[],
  subresource: '' | '/status',
): Question[] {
  const path = `${pathOf(kind, theirs)}/${theirs.metadata.name}${subresource}?dryRun=All`;
  const what = subresource ? 'status updated' : 'updated';
  return variants.map((variant) => ({
    name: `${kind.kind} ${what}: ${variant.name}`,
    method: 'PUT',
    path,
    object: changed(kind, theirs, variant),
    ours: changed(kind, ours, variant),
  }));
}

async function questionsOf({ kind, object: seed }: Seed, { ours, theirs }: Servers): Promise<Question[]> {
  const variants = variantsFor({ kind, object: seed });
  const questions = creations(kind, seed, variants);
  if (!kind.verbs.has('update')) return questions;
  const path = pathOf(kind, seed);
  const both = [await stored(theirs, path, seed), await stored(ours, path, seed)] as const;
  questions.push(...updates(kind, both, [RELABELLED, ...variants], ''));
  if (!kind.subresources.has('status')) return questions;
  const ofStatus = [RELABELLED, ...variantsOf(kind.schema, both[0], 'status')];
  return [...questions, ...updates(kind, both, ofStatus, '/status')];
}

async function askAll(questions: readonly Question[], { ours, theirs }: Servers, tally: Tally): Promise<void> {
  const left = questions.values();
  const asker = async (): Promise<void> => {
    for (const question of left) tally.count(question.name, await compare(ours, theirs, question));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, asker));
}

/** Returns the exit code. */
async function main([kubeconfig, ...kinds]: readonly string[]): Promise<number> {
  if (!kubeconfig) {
    process.stderr.write('usage: npm run check:verdicts -- KUBECONFIG [KIND…]\n');
    return 2;
  }
  return compareServers(kubeconfig, async (servers, tally) => {
    for (const seed of readSeeds(new Catalogue())) {
      if (kinds.length > 0 && !kinds.includes(seed.kind.kind)) continue;
      await askAll(await questionsOf(seed, servers), servers, tally);
      tally.part(`${seed.object.apiVersion} ${seed.object.kind}`);
    }
  });
}

process.exitCode = await main(process.argv.slice(2));
