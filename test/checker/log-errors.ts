// What upstream's programs complain of in their logs (klog's text format), without what is another's name or number each time.
import { HOMES, NAMES } from './swap-load.ts';

/** Of a complaint: what follows is the object it is about, printed in full. */
const LENGTH = 240;

const BLURS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID'],
  [new RegExp(`\\b(${HOMES.join('|')})\\b`, 'g'), 'NAMESPACE'],
  [new RegExp(`\\b(${NAMES.join('|')})(-[a-z0-9]+)*`, 'g'), 'NAME'],
  [/NAME\.[0-9a-f]{16}/g, 'NAME.EVENT'],
  [/\d+/g, 'N'],
  // Said of whatever the informers are late with.
  [/(?<=written version: N for group resource )\S+?(?=")/g, 'RESOURCE'],
];

/** How often each complaint stands there. */
export function errorsIn(log: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, said] of log.matchAll(/^E\d{4} \S+\s+\d+ (.*)$/gm)) {
    const error = BLURS.reduce((text, [what, name]) => text.replaceAll(what, name), said).slice(0, LENGTH);
    counts.set(error, (counts.get(error) ?? 0) + 1);
  }
  return counts;
}

/** What is said of upstream's server too, in some runs: somebody was faster, or what it is about is gone. */
const RACES: readonly RegExp[] = [
  /read version: N is not as new as written version: N/,
  /Server rejected event .* (namespaces .* not found|is being terminated)/,
  /Could not update status" err="statefulsets\.apps .* not found/,
  /Error getting updated StatefulSet from lister/,
  /error storing status for daemon set/,
  /removing uncounted pods from status: Operation cannot be fulfilled/,
  /"Error updating pod" err="pods .* not found/,
  /failed to patch node CIDR: .* may specify no more than one CIDR/,
  /pod NAME is being deleted, cannot be assigned to a host/,
  // Upstream's server, too, 1 in 10 times when what they sync is deleted within 12 ms.
  /failed with (replicasets\.apps .* not found|Operation cannot be fulfilled on replicasets\.apps)/,
  /poddisruptionbudgets\.policy .* not found/,
];

export function isRace(error: string): boolean {
  return RACES.some((race) => race.test(error));
}
