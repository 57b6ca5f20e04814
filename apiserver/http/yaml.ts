// YAML 1.1 in and out; loaded only when somebody speaks it.
import type { Tags } from 'yaml';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, stringify, YAMLParseError } from 'yaml';

/** `message` is close to what Go's YAML library says: `yaml: line 4: …`. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

export interface ParsedYaml {
  /** Of keys given twice, the last. */
  readonly value: unknown;
  /** What a strict reader complains of, in Go's words; undefined: of nothing. */
  readonly problem?: string;
}

/** Go reads dates and numbers to the base 60 (`22:30`) as the strings they are. */
const asGoReads = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp')));

/** Bare `y`, `yes`, `on` are booleans: version 1.1. Throws YamlError. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const options = {
    version: '1.1',
    schema: 'yaml-1.1',
    merge: true,
    logLevel: 'error',
    uniqueKeys: false,
    customTags: asGoReads,
  } as const;
  try {
    const document = parseDocument(text, { ...options, lineCounter });
    if (document.errors.length > 0) throw document.errors[0];
    const found = repeatedKeys(document.contents, (offset) => lineCounter.linePos(offset).line);
    return {
      value: document.toJS(),
      ...(found.length > 0 && { problem: `yaml: unmarshal errors:\n${found.join('\n')}` }),
    };
  } catch (error) {
    // A ReferenceError is the library's word for an alias that multiplies.
    if (error instanceof ReferenceError) throw new YamlError('yaml: document contains excessive aliasing');
    // Of Go's reader; ours ends where the stack does.
    if (/call stack/.test((error as Error).message)) throw new YamlError('yaml: exceeded max depth of 10000');
    if (!(error instanceof YAMLParseError)) throw error;
    const line = error.linePos?.[0].line ?? 1;
    const open = error.code === 'BAD_INDENT' || error.code === 'MISSING_CHAR' || error.code === 'UNEXPECTED_TOKEN';
    throw new YamlError(
      `yaml: line ${line}: ${open ? 'did not find expected node content' : error.message.split('\n')[0]}`,
    );
  }
}

/** Go tells the line where the second value begins, and of inner maps first. */
function repeatedKeys(node: unknown, lineAt: (offset: number) => number): string[] {
  if (isSeq(node)) return node.items.flatMap((item) => repeatedKeys(item, lineAt));
  if (!isMap(node)) return [];
  const seen = new Set<unknown>();
  return node.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? key.value : key;
    const at = (value as { range?: [number] } | null)?.range?.[0] ?? (key as { range?: [number] }).range?.[0] ?? 0;
    const said = seen.has(name) ? [`  line ${lineAt(at)}: key ${JSON.stringify(name)} already set in map`] : [];
    seen.add(name);
    return [...repeatedKeys(value, lineAt), ...said];
  });
}

export function formatYaml(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    lineWidth: 0,
    aliasDuplicateObjects: false,
    indentSeq: false,
    sortMapEntries: true,
  });
}
