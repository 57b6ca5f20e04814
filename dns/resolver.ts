// From a question to its records: which zone it falls in, and which family of records answers.
import type { Catalog } from './catalog/catalog.ts';
import { type Host, hostsAt } from './hosts.ts';
import { addresses, addressRecords, familyOf } from './records/addresses.ts';
import { alias } from './records/cname.ts';
import { nameserverRecords, nameservers } from './records/ns.ts';
import { IN_ADDR_ARPA, IP6_ARPA, pointers } from './records/ptr.ts';
import { startOf } from './records/soa.ts';
import { servers } from './records/srv.ts';
import { texts } from './records/txt.ts';
import { EMPTY, found, MISSING, OUTSIDE, type Question, REFUSED, type Resolution, type Zone } from './resolution.ts';
import { TYPE } from './wire/constants.ts';
import { labelsOf, type Name, zoneStart } from './wire/name.ts';
import type { StartRecord } from './wire/record.ts';

export interface ResolverOptions {
  readonly catalog: Catalog;
  readonly clusterZone: Name;
  /** Of every record but TXT, seconds. */
  readonly ttl: number;
  /** Addresses of this server as endpoints know them. */
  readonly ownAddresses: readonly string[];
  /** As in the SOA record: 32 bits that grow with every change. */
  readonly serial: () => number;
}

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #zones: readonly Zone[];

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#zones = [
      { name: options.clusterZone, kind: 'cluster' },
      { name: IN_ADDR_ARPA, kind: 'reverse' },
      { name: IP6_ARPA, kind: 'reverse' },
    ];
  }

  /** False: a name that is not found may be there all the same, since not everything has been heard of yet. */
  get isComplete(): boolean {
    return this.#options.catalog.isFilled;
  }

  zoneOf(name: Name): Zone | undefined {
    return this.#zones.find((zone) => zoneStart(name, zone.name) >= 0);
  }

  resolve(name: Name, type: number, zone: Zone | undefined): Resolution {
    if (!zone) return OUTSIDE;
    if (type === TYPE.AXFR || type === TYPE.IXFR) return REFUSED;
    const labels = labelsOf(name.slice(0, zoneStart(name, zone.name)));
    const question = { name, type, zone, labels };
    if (labels.length === 0) return this.#top(question);
    return zone.kind === 'cluster' ? this.#inCluster(question) : this.#reverse(question);
  }

  /** What goes with every no. */
  start(zone: Zone): StartRecord {
    return startOf(zone.name, { serial: this.#options.serial(), ttl: this.#options.ttl });
  }

  #top({ type, zone }: Question): Resolution {
    if (type === TYPE.SOA) return found([this.start(zone)]);
    return type === TYPE.NS ? nameserverRecords(this.#nameservers(), this.#options.ttl) : EMPTY;
  }

  #reverse(question: Question): Resolution {
    return question.type === TYPE.PTR ? pointers(this.#options.catalog, question, this.#options) : OUTSIDE;
  }

  #inCluster({ name, type, labels }: Question): Resolution {
    const { ttl } = this.#options;
    if (labels.length === 2 && labels[0] === 'ns' && labels[1] === 'dns') return this.#nameserver(type);
    if (type === TYPE.A || type === TYPE.AAAA) {
      return addresses(name, type, { ttl, hostsUnder: (under) => this.#hostsUnder(under) });
    }
    const hosts = this.#hosts(labels);
    if (type === TYPE.SRV) return servers(hosts, ttl);
    if (type === TYPE.CNAME) return alias(hosts, ttl);
    if (type === TYPE.TXT) return texts(labels, hosts);
    return hosts === undefined ? MISSING : EMPTY;
  }

  #nameserver(type: number): Resolution {
    if (type !== TYPE.A && type !== TYPE.AAAA) return EMPTY;
    const hosts = this.#nameservers().filter(({ family }) => family === familyOf(type));
    return found(addressRecords(hosts, type, { ttl: this.#options.ttl }));
  }

  #nameservers(): Host[] {
    return nameservers(this.#options.catalog, this.#options);
  }

  #hosts(labels: readonly string[]): readonly Host[] | undefined {
    return hostsAt(this.#options.catalog, this.#options.clusterZone, labels);
  }

  #hostsUnder(name: Name): readonly Host[] | undefined | 'outside' {
    const start = zoneStart(name, this.#options.clusterZone);
    return start < 0 ? 'outside' : this.#hosts(labelsOf(name.slice(0, start)));
  }
}
