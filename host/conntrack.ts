// A thin client of conntrack: which flows of a protocol the kernel follows, and forgetting some of them.
import { isIP } from 'node:net';
import { check, type Exec, ExecError } from './exec.ts';

export interface Flow {
  /** Where the client sent its packets. */
  readonly destination: string;
  readonly destinationPort: number;
  /** Who answers. */
  readonly replySource: string;
  readonly replySourcePort: number;
}

export class Conntrack {
  readonly #family: 'ipv4' | 'ipv6';
  readonly #exec: Exec;

  constructor(family: 4 | 6, exec: Exec = check) {
    this.#family = family === 4 ? 'ipv4' : 'ipv6';
    this.#exec = exec;
  }

  /** Each distinct flow once, whoever the client is. Throws ExecError. */
  async listUDP(): Promise<Flow[]> {
    const flows = new Map<string, Flow>();
    for (const line of (await this.#exec(['conntrack', '-L', '-f', this.#family, '-p', 'udp'])).split('\n')) {
      const flow = parseFlow(line);
      if (flow) flows.set(Object.values(flow).join(' '), flow);
    }
    return [...flows.values()];
  }

  /** Forgets all clients' entries of this flow; none left is fine. */
  async deleteUDP(flow: Flow): Promise<void> {
    for (const ip of [flow.destination, flow.replySource]) {
      if (!isIP(ip)) throw new TypeError(`not an IP address: ${JSON.stringify(ip)}`);
    }
    const where = ['-d', flow.destination, '--dport', String(flow.destinationPort), '--reply-src', flow.replySource];
    const argv = ['conntrack', '-D', '-f', this.#family, '-p', 'udp', ...where];
    try {
      await this.#exec(argv);
    } catch (error) {
      if (!(error instanceof ExecError && /0 flow entries/.test(error.stderr))) throw error;
    }
  }
}

/** `udp 17 29 src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… sport=… dport=…`: the original tuple, then the reply's. */
function parseFlow(line: string): Flow | undefined {
  const words = [...line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)];
  const nth = (name: string, at: number): string | undefined => words.filter((word) => word[1] === name)[at]?.[2];
  const [destination, replySource] = [nth('dst', 0), nth('src', 1)];
  if (!destination || !replySource) return undefined;
  return {
    destination,
    destinationPort: Number(nth('dport', 0)),
    replySource,
    replySourcePort: Number(nth('sport', 1)),
  };
}
