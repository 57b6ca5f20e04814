// What a request is about, read from its method and path alone (k8s.io/apiserver v0.36 pkg/endpoints/request/requestinfo.go).

export interface RequestInfo {
  readonly method: string;
  /** Decoded path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** True under /api/VERSION/… and /apis/GROUP/VERSION/… when a resource is named. */
  readonly isResource: boolean;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case method for other paths. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Empty for cluster-scoped requests and for all namespaces. */
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows the subresource: `pods/web/proxy/a/b` → `a/b`. */
  readonly rest: string;
}

/** Subresources of a namespace itself; any other word after a namespace's name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

const VERBS: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Reads `url` (path and query as the client sent them). Throws URIError when the path's escapes are malformed. */
export function readRequestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  const path = rawPath.includes('%') ? decodeURIComponent(rawPath) : rawPath;
  const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
  const words = path.split('/').slice(1);
  if (words.at(-1) === '') words.pop();
  const at = words[0] === 'api' ? 2 : 3;
  if (words[at] === 'watch' && words.length > at + 1 && method === 'GET')
    return oldWatch(words.toSpliced(at, 1), path, query);
  const place = resourcePlace(words);
  if (!place) return { ...NOTHING, method, path, query, verb: method.toLowerCase() };
  // Every field is named: a spread would cost more than the reading.
  const { group, version, namespace, resource, subresource, name, rest } = place;
  const verb = verbOf(method, name, query);
  return { method, path, query, isResource: true, verb, group, version, namespace, resource, subresource, name, rest };
}

/** `/api/v1/watch/pods`, deprecated in Kubernetes 1.11 and still served: the list's own watch, of one object when it is named. */
function oldWatch(words: string[], path: string, asked: URLSearchParams): RequestInfo {
  const place = resourcePlace(words);
  if (!place) return { ...NOTHING, method: 'GET', path, query: asked, verb: 'get' };
  const query = new URLSearchParams(asked);
  query.set('watch', 'true');
  const fields = [query.get('fieldSelector'), place.name && `metadata.name=${place.name}`].filter(Boolean);
  if (fields.length > 0) query.set('fieldSelector', fields.join(','));
  return { method: 'GET', path, query, isResource: true, ...place, name: '', verb: 'watch' };
}

const NO_QUERY = new URLSearchParams();
const NOTHING = {
  isResource: false,
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  rest: '',
};

type Place = Omit<RequestInfo, 'method' | 'path' | 'query' | 'isResource' | 'verb'>;

function resourcePlace(words: string[]): Place | undefined {
  const prefix = words[0] === 'api' ? 2 : words[0] === 'apis' ? 3 : 0;
  if (prefix === 0 || words.length <= prefix) return undefined;
  const [group, version] = prefix === 2 ? ['', words[1]] : [words[1], words[2]];
  let parts = words.slice(prefix);
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1];
    // /namespaces/NAME and its own subresources are about the namespace; the rest is inside it.
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2])) parts = parts.slice(2);
  }
  const [resource, name = '', subresource = ''] = parts;
  return { group, version, namespace, resource, name, subresource, rest: parts.slice(3).join('/') };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  const verb = VERBS[method] ?? method.toLowerCase();
  if (verb === 'get' && name === '') return isWatch(query) ? 'watch' : 'list';
  if (verb === 'delete' && name === '') return 'deletecollection';
  return verb;
}

/** `?watch` is on for any value but `false` and `0`, the empty one included. */
export function isWatch(query: URLSearchParams): boolean {
  const value = query.get('watch');
  return value !== null && value !== 'false' && value !== '0';
}
