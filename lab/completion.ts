// `vitrine completion bash|zsh|fish`: a script that teaches a shell the commands and their flags, made from the same tables that
// parse them.
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';

/** A command as it is typed after `vitrine`: `lab up`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly name: string; readonly help: string }[];
  /** What else may follow it, where that is one of a few words: `bash`, `zsh`, `fish`. */
  readonly words: readonly string[];
}

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `rows`: the commands there are; each is loaded to know its flags. */
export function completionOf(rows: readonly { name: string; summary?: string; load(): Promise<Program> }[]): Program {
  return program({
    name: 'completion',
    summary: 'prints a script that completes commands and flags; load it with: source <(vitrine completion bash)',
    usage: 'bash|zsh|fish',
    flags: {},
    async run(_values, { positionals }) {
      const [shell = '', ...rest] = positionals;
      const render = SHELLS[shell];
      if (!render || rest.length > 0) throw new UsageError(`name one shell: ${Object.keys(SHELLS).join(', ')}`);
      const shown = rows.filter(({ summary }) => summary);
      const commands = shown.map(async ({ name, summary = '', load }): Promise<Command> => {
        const { flags, usage } = await load();
        const told = Object.entries(flags).map(([name, { help }]) => ({ name, help }));
        return { name, summary, flags: told, words: wordsOf(usage) };
      });
      process.stdout.write(render(await Promise.all(commands)));
      return 0;
    },
  }) as Program;
}

/** Of `load NAME FILE | list`: the first word of every choice, unless it stands for another. */
const wordsOf = (usage = ''): string[] =>
  usage
    .split('|')
    .map((choice) => choice.trim().split(' ')[0])
    .filter((word) => /^[a-z]+$/.test(word));

interface Choice {
  readonly word: string;
  readonly about: string;
}

/** What may follow: after some words of a command its next one, after a whole command its flags. Longest first. */
function choicesByPrefix(commands: readonly Command[]): { prefix: string; choices: Choice[] }[] {
  const choices = new Map<string, Map<string, string>>();
  const offer = (prefix: string, word: string, about: string): void => {
    const offered = choices.get(prefix) ?? new Map<string, string>();
    choices.set(prefix, offered.set(word, about));
  };
  for (const { name } of commands) {
    const words = name.split(' ');
    for (const [depth, word] of words.entries())
      offer(words.slice(0, depth).join(' '), word, `the commands of ${word}`);
  }
  for (const { name, summary, flags, words: own } of commands) {
    const words = name.split(' ');
    offer(words.slice(0, -1).join(' '), words.at(-1)!, summary);
    for (const word of own) offer(name, word, summary);
    for (const flag of flags) offer(name, `--${flag.name}`, flag.help);
  }
  return [...choices]
    .map(([prefix, offered]) => {
      return { prefix: prefix && `${prefix} `, choices: [...offered].map(([word, about]) => ({ word, about })) };
    })
    .sort((a, b) => b.prefix.length - a.prefix.length);
}

/** For a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bashCompletion(commands: readonly Command[]): string {
  const cases = choicesByPrefix(commands).map(
    ({ prefix, choices }) => `    ${quoted(prefix)}*) choices=${quoted(choices.map(({ word }) => word).join(' '))} ;;`,
  );
  return `_vitrine() {
  local word before= choices
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -- ]] && return
    [[ $word == -* ]] || before+="$word "
  done
  case "$before" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _vitrine vitrine
`;
}

function zshCompletion(commands: readonly Command[]): string {
  const cases = choicesByPrefix(commands).map(({ prefix, choices }) => {
    const list = choices.map(({ word, about }) => quoted(`${word}:${about}`));
    return `    (${quoted(prefix)}*) choices=(${list.join(' ')}) ;;`;
  });
  return `#compdef vitrine
_vitrine() {
  local word before= choices
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -- ]] && { _normal; return }
    [[ $word == -* ]] || before+="$word "
  done
  case "$before" in
${cases.join('\n')}
  esac
  _describe vitrine choices || _files
}
compdef _vitrine vitrine
`;
}

function fishCompletion(commands: readonly Command[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = choicesByPrefix(commands).flatMap(({ prefix, choices }) =>
    choices.map(({ word, about }) => {
      const isFlag = word.startsWith('--');
      const when = `${isFlag ? '__vitrine_within' : '__vitrine_after'} ${prefix.trim()}`.trim();
      return `complete -c vitrine -n ${quote(when)} ${isFlag ? `-l ${word.slice(2)}` : `-f -a ${word}`} -d ${quote(about)}`;
    }),
  );
  return `function __vitrine_before
  string match -v -- '-*' (commandline -opc)[2..]
end
function __vitrine_after
  test "$argv" = "$(__vitrine_before | string join ' ')"
end
function __vitrine_within
  not contains -- -- (commandline -opc)
  and string match -q -- "$argv *" "$(__vitrine_before | string join ' ') "
end
${lines.join('\n')}
`;
}
