// /statusz and /flagz: what a person wants to know of a running proxy, in upstream's words (component-base/zpages). Upstream changes the
// signs between names and values at random, so that no program comes to rely on them; here they stay.

const header = (page: string): string =>
  `\nkube-proxy ${page}\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n`;

export interface Status {
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  /** `v1.36.3`. */
  readonly version: string;
  /** What else is answered. */
  readonly paths: readonly string[];
}

export function statusPage({ startedAt, now, version, paths }: Status): string {
  const binary = version.replace(/^v/, '');
  const lines = {
    Started: unixDate(startedAt),
    Up: elapsed(now - startedAt),
    'Node.js version': process.version,
    'Binary version': binary,
    'Emulation version': binary.split('.').slice(0, 2).join('.'),
    Paths: paths.toSorted().join(' '),
  };
  return `${header('statusz')}\n${list(lines)}`;
}

/** By name, each as it was given or is by default. */
export function flagsPage(flags: Readonly<Record<string, string>>): string {
  const sorted = Object.keys(flags).toSorted();
  return header('flagz') + list(Object.fromEntries(sorted.map((name) => [name, flags[name]])), '=');
}

const list = (values: Readonly<Record<string, string>>, sign = '= '): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}${sign}${value}\n`)
    .join('');

/** `Sun Nov 22 13:49:33 UTC 2026`, as date(1) prints it. */
function unixDate(ms: number): string {
  const [weekday, day, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day.replace(/^0/, ' ')} ${time} UTC ${year}`;
}

/** `0 hr 00 min 26 sec` */
function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (count: number): string => String(count).padStart(2, '0');
  return `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`;
}
