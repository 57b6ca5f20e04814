// Deletes tables, chains, sets and rules while a watch listens; answers what it said at each.
import { watchRules } from '../../host/rule-watch.ts';
import { answer, shell } from '../network.ts';

/** What was done → what the watch said. */
export type Heard = Readonly<Record<string, readonly string[]>>;

const PATTERN = '^delete (?:table ip (?:shop$|bell)|(?:chain|set|map) ip shop (?:door|ips)$|rule ip nat PREROUTING\\b)';

const SHOP =
  'nft "add table ip shop; add chain ip shop door; add chain ip shop back; add set ip shop ips { type ipv4_addr; }; add rule ip shop back accept"';
const UDP = '-p udp -j RETURN';

const STEPS: Readonly<Record<string, string>> = {
  'another table': 'nft "add table ip other; add table ip6 shop"; nft "delete table ip other; delete table ip6 shop"',
  'another chain and its rules': `${SHOP}; nft "flush chain ip shop back; delete chain ip shop back"`,
  'a chain': `${SHOP}; nft delete chain ip shop door`,
  'a set': `${SHOP}; nft delete set ip shop ips`,
  'a table': `${SHOP}; nft delete table ip shop`,
  "a rule of the kernel's chains": `iptables -t nat -A PREROUTING ${UDP}; iptables -t nat -D PREROUTING ${UDP}`,
};

await answer(async (): Promise<Heard> => {
  const stop = new AbortController();
  let lines: string[] = [];
  let spoke: () => void = () => undefined;
  const onDelete = (line: string): void => {
    lines.push(line);
    spoke();
  };
  const watching = watchRules({ pattern: PATTERN, onDelete, onGap: () => undefined, signal: stop.signal });
  let bells = 0;
  /** Two transactions: of what comes and goes in one the kernel tells nothing. */
  const ring = async (): Promise<string> => {
    bells += 1;
    await shell(`nft add table ip bell${bells}; nft delete table ip bell${bells}`);
    return `delete table ip bell${bells}`;
  };
  while (lines.length === 0) await ring();
  const heard: Record<string, string[]> = {};
  for (const [what, script] of Object.entries(STEPS)) {
    lines = [];
    await shell(script);
    const last = await ring();
    // Notices come in order: what was done before the bell was rung has been heard when the bell is.
    await new Promise<void>((resolve) => {
      spoke = () => lines.includes(last) && resolve();
      spoke();
    });
    heard[what] = lines.filter((line) => !line.includes('bell')).sort();
  }
  stop.abort();
  await watching;
  return heard;
});
