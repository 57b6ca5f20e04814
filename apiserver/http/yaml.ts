// YAML 1.1 in and out; loaded only when somebody speaks it.
import { parse, stringify, YAMLParseError } from 'yaml';

/** `message` is close to what Go's YAML library says: `yaml: line 4: …`. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

/** Bare `y`, `yes`, `on` are booleans: version 1.1. Throws YamlError. */
export function parseYaml(text: string): unknown {
  try {
    return parse(text, { version: '1.1', schema: 'yaml-1.1', merge: true, logLevel: 'error' });
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const line = error.linePos?.[0].line ?? 1;
    const open = error.code === 'BAD_INDENT' || error.code === 'MISSING_CHAR' || error.code === 'UNEXPECTED_TOKEN';
    throw new YamlError(
      `yaml: line ${line}: ${open ? 'did not find expected node content' : error.message.split('\n')[0]}`,
    );
  }
}

export function formatYaml(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, indentSeq: false });
}
