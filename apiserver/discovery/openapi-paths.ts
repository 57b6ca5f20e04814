// The paths of a kind as OpenAPI documents tell them, in neither dialect: which operations there are, what they are called, what they
// take and answer (k8s.io/apiserver v0.36 pkg/endpoints/installer.go, k8s.io/apiserver pkg/endpoints/openapi/openapi.go).
import type { Kind, Subresource, Verb } from '../../api/kind.ts';
import { apiVersionOf } from '../../api/object.ts';
import {
  ACTIONS,
  DEFINITIONS,
  LIST,
  META,
  type Method,
  NAME,
  NAMESPACE,
  ON_COLLECTION,
  OPTIONS,
  PASSED,
  PATH,
  type Parameter,
  PRETTY,
} from './openapi-verbs.ts';

export interface Operation {
  readonly id: string;
  /** `core_v1`, by which documentation groups what belongs together. */
  readonly tag: string;
  /** Absent, with `about`: it is not about objects. */
  readonly action?: string;
  readonly about?: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  /** Name of the body's definition; absent: there is none. */
  readonly body?: string;
  /** Name of the answer's definition; absent: a text. */
  readonly answer?: string;
  /** The answer's media type; absent: those of objects, or of a text. */
  readonly answerType?: string;
  /** Of success. */
  readonly codes: readonly number[];
}

export interface PathItem {
  /** Those that all operations have; the operations have the others. */
  readonly parameters: readonly Parameter[];
  readonly operations: Readonly<Partial<Record<Method, Operation>>>;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Name of the definition of a kind; undefined when none describes it. */
export type DefinitionOf = (about: GroupVersionKind) => string | undefined;

/** Path → what can be done there with objects of the kind. */
export function pathsOf(kind: Kind, definitionOf: DefinitionOf): Record<string, PathItem> {
  const paths = new Paths(kind, definitionOf);
  for (const verb of kind.verbs) if (verb !== 'watch') paths.addVerb(verb);
  for (const [name, subresource] of kind.subresources) paths.addSubresource(name, subresource);
  if (kind.verbs.has('watch')) paths.addWatches();
  return Object.fromEntries(Object.entries(paths.operations).map(([path, operations]) => [path, itemOf(operations)]));
}

/** What tells clients which groups, versions and resources there are, and how ServiceAccounts' tokens are checked. */
export function discoveryPaths(versions: Iterable<Pick<Kind, 'group' | 'version'>>): Record<string, PathItem> {
  const items: Record<string, PathItem> = {
    '/api/': asked('getCoreAPIVersions', 'core', `${META}APIVersions`),
    '/apis/': asked('getAPIVersions', 'apis', `${META}APIGroupList`),
    '/version/': asked('getCodeVersion', 'version', 'io.k8s.apimachinery.pkg.version.Info'),
    '/.well-known/openid-configuration/': asked('getServiceAccountIssuerOpenIDConfiguration', 'WellKnown', {
      answerType: 'application/json',
    }),
    '/openid/v1/jwks/': asked('getServiceAccountIssuerOpenIDKeyset', 'openid', {
      answerType: 'application/jwk-set+json',
    }),
  };
  for (const { group, version } of versions) {
    const name = groupName(group);
    if (group) items[`/apis/${group}/`] ??= asked(`get${name}APIGroup`, uncapital(name), `${META}APIGroup`);
    const id = `get${name}${capital(version)}APIResources`;
    items[`${rootOf({ group, version })}/`] ??= asked(id, tagOf({ group, version }), `${META}APIResourceList`);
  }
  return items;
}

/** `answers`: the answer's definition, or the media type of a text. */
function asked(id: string, tag: string, answers: string | Pick<Operation, 'answerType'>): PathItem {
  const said = typeof answers === 'string' ? { answer: answers } : answers;
  return { parameters: [], operations: { get: { id, tag, parameters: [], ...said, codes: [200] } } };
}

/** `/api/v1`, `/apis/GROUP/VERSION`. */
export function rootOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return `/${group ? 'apis' : 'api'}/${apiVersionOf(group, version)}`;
}

/** `rbac.authorization.k8s.io` is RbacAuthorization, '' Core. */
function groupName(group: string): string {
  const name = group === '' ? 'core' : group.replace(/\.k8s\.io$/, '');
  return name.split('.').map(capital).join('');
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
const uncapital = (word: string): string => word.slice(0, 1).toLowerCase() + word.slice(1);

const tagOf = ({ group, version }: Pick<Kind, 'group' | 'version'>): string =>
  `${uncapital(groupName(group))}_${version}`;

type Operations = Partial<Record<Method, Operation>>;

function itemOf(operations: Operations): PathItem {
  const all = Object.values(operations);
  const isShared = (parameter: Parameter): boolean => all.every(({ parameters }) => parameters.includes(parameter));
  const own = Object.entries(operations).map(([method, operation]) => [
    method,
    { ...operation, parameters: operation.parameters.filter((parameter) => !isShared(parameter)) },
  ]);
  return { parameters: all[0].parameters.filter(isShared), operations: Object.fromEntries(own) };
}

class Paths {
  readonly operations: Record<string, Operations> = {};
  readonly #kind: Kind;
  readonly #definitionOf: DefinitionOf;
  readonly #root: string;
  readonly #group: string;
  /** How operations on objects are called: `NamespacedPod`. */
  readonly #object: string;

  constructor(kind: Kind, definitionOf: DefinitionOf) {
    this.#kind = kind;
    this.#definitionOf = definitionOf;
    this.#root = rootOf(kind);
    this.#group = groupName(kind.group) + capital(kind.version);
    this.#object = `${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`;
  }

  addVerb(verb: Exclude<Verb, 'watch'>): void {
    const { namespaced, plural, kind } = this.#kind;
    const { method, word, ...action } = ACTIONS[verb];
    const about = this.#about;
    const whole = this.#definitionOf(about);
    const part = verb === 'deletecollection' ? 'Collection' : '';
    const operation = {
      ...action,
      id: `${word}${this.#group}${part}${this.#object}`,
      about,
      body: bodyOf(verb, whole),
      answer: this.#answerOf(verb, whole),
    };
    this.#add(ON_COLLECTION.includes(verb) ? this.#collection : this.#item, method, operation);
    if (verb !== 'list' || !namespaced) return;
    this.#add(`${this.#root}/${plural}`, method, { ...operation, id: `list${this.#group}${kind}ForAllNamespaces` });
  }

  addSubresource(name: string, subresource: Subresource): void {
    const path = `${this.#item}/${name}`;
    const { group = '', version = '', kind } = subresource;
    const about = { group: version ? group : this.#kind.group, version: version || this.#kind.version, kind };
    if (kind.endsWith('Options')) {
      this.#addPassed(path, name, { ...subresource, ...about });
      return;
    }
    const whole = this.#definitionOf(about);
    for (const verb of subresource.verbs) {
      if (verb === 'watch') continue;
      const { method, word, takes, ...action } = ACTIONS[verb];
      const id = `${word}${this.#group}${this.#object}${capital(name)}`;
      const answer = name === 'log' ? undefined : whole;
      const parameters = [...takes, ...(OPTIONS[name] ?? [])];
      this.#add(path, method, { ...action, takes: parameters, id, about, body: bodyOf(verb, whole), answer });
    }
  }

  /** Streams and proxies. */
  #addPassed(path: string, name: string, { verbs, ...about }: Subresource): void {
    const isProxy = name === 'proxy';
    const takes = OPTIONS[about.kind];
    for (const method of PASSED) {
      if (!isProxy && !(method === 'get' && verbs.has('get')) && !(method === 'post' && verbs.has('create'))) continue;
      const id = `connect${this.#group}${capital(method)}${this.#object}${capital(name)}`;
      const operation = { action: 'connect', about, codes: [200], takes, isPlain: true };
      this.#add(path, method, { ...operation, id });
      if (!isProxy) continue;
      this.#add(`${path}/{path}`, method, { ...operation, id: `${id}WithPath` });
    }
  }

  /** The paths that watched before lists did; they still do. */
  addWatches(): void {
    const { namespaced, plural, kind, verbs } = this.#kind;
    const common = { about: this.#about, answer: DEFINITIONS.watchEvent, codes: [200], takes: LIST };
    const at = (path: string): string => path.replace(this.#root, `${this.#root}/watch`);
    const list = { ...common, action: 'watchlist' };
    this.#add(at(this.#collection), 'get', { ...list, id: `watch${this.#group}${this.#object}List` });
    if (namespaced) {
      const id = `watch${this.#group}${kind}ListForAllNamespaces`;
      this.#add(at(`${this.#root}/${plural}`), 'get', { ...list, id });
    }
    if (!verbs.has('get')) return;
    this.#add(at(this.#item), 'get', { ...common, action: 'watch', id: `watch${this.#group}${this.#object}` });
  }

  #add(
    path: string,
    method: Method,
    {
      takes,
      isPlain = false,
      ...operation
    }: Omit<Operation, 'parameters' | 'tag'> & {
      /** Besides those in the path. */
      readonly takes: readonly Parameter[];
      /** Nobody could indent the answer. */
      readonly isPlain?: boolean;
    },
  ): void {
    const inPath = [NAME, NAMESPACE, PATH].filter(({ name }) => path.includes(`{${name}}`));
    const parameters = [...inPath, ...(isPlain ? [] : PRETTY), ...takes];
    this.operations[path] ??= {};
    this.operations[path][method] = { ...operation, tag: tagOf(this.#kind), parameters };
  }

  get #about(): GroupVersionKind {
    const { group, version, kind } = this.#kind;
    return { group, version, kind };
  }

  get #collection(): string {
    const { namespaced, plural } = this.#kind;
    return `${this.#root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  }

  get #item(): string {
    return `${this.#collection}/{name}`;
  }

  #answerOf(verb: Verb, whole: string | undefined): string | undefined {
    if (verb === 'list') return `${whole}List`;
    const tellsStatus = verb === 'deletecollection' || (verb === 'delete' && !this.#kind.rules.deleteAnswersObject);
    return tellsStatus ? DEFINITIONS.status : whole;
  }
}

function bodyOf(verb: Verb, whole: string | undefined): string | undefined {
  if (verb === 'patch') return DEFINITIONS.patch;
  if (verb === 'delete' || verb === 'deletecollection') return DEFINITIONS.deleteOptions;
  return verb === 'create' || verb === 'update' ? whole : undefined;
}
