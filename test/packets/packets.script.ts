// Inside namespaces of its own: walks through the stages and tells what every row's packets met, and what the occasions that are
// no rows came to.
import { answer } from '../network.ts';
import type { Write } from './control-plane.ts';
import { expectedIn, type Outcome, sumUp } from './judge.ts';
import { hostOf, isNodePort, serviceOf, slicesOf } from './objects.ts';
import { playOccasions } from './occasions.ts';
import { UnsettledError } from './proxies.ts';
import { type PacketsInput, type PacketsOutput, type PlannedRow, plannedRows } from './run.ts';
import { UNSETTLED } from './shortfalls.ts';
import type { Question, Transport } from './sockets.ts';
import { STAGES, type Stage } from './stages.ts';
import { type Case, portsOfCase } from './table.ts';
import { World } from './world.ts';

/** Enough that a server which should not be asked is found out; all that should are waited for. */
const ATTEMPTS = 12;
/** ms; nothing answers later on an idle machine, and no refusal does. */
const LOST_AFTER_MS = 700;
/** For what is known not to come. */
const SHORT_PATIENCE_MS = 4000;

function writesOf(one: Case): Write[] {
  const { number, name: _, rows: __, slices, families, ...more } = one;
  const name = `case-${number}`;
  const ports = portsOfCase(one);
  const service = serviceOf({ ...more, name, number, ports, families });
  const all = slices.flatMap((endpoints, at) =>
    slicesOf({ service: name, endpoints, ports, families, suffix: String(at) }),
  );
  return [service, ...all].map((put) => ({ put }));
}

/** The slices of a Service that goes stay a moment longer, as they do when a controller takes them away. */
function writesOfStage({ cases, gone = [] }: Stage): Write[] {
  const stays = cases.filter(({ number }) => !gone.includes(number));
  return [
    ...gone.map((number): Write => ({ gone: { kind: 'Service', name: `case-${number}` } })),
    ...stays.flatMap(writesOf),
  ];
}

function questionOf(planned: PlannedRow, mode: PacketsInput['mode']): Question {
  const { row, family, case: one } = planned;
  const expected = expectedIn(mode, row);
  const protocol = row.protocol ?? 'TCP';
  const ports = portsOfCase(one);
  const known = ports.find((port) => port.protocol === protocol);
  const port = row.port ?? (isNodePort(row.to) ? known?.nodePort : known?.port) ?? 80;
  const isServed = typeof expected === 'object';
  return {
    from: row.from,
    transport: protocol.toLowerCase() as Transport,
    host: hostOf(row.to, one.number, family),
    port,
    times: row.staysFor ?? (isServed ? ATTEMPTS : expected === 'refused' ? 2 : 1),
    distinct: isServed && row.staysFor === undefined ? expected.by.length : 0,
    timeoutMs: expected === 'lost' ? LOST_AFTER_MS : undefined,
  };
}

async function playStage(
  world: World,
  stage: Stage,
  { mode, program }: PacketsInput,
): Promise<Record<string, Outcome>> {
  await world.cluster.write(...writesOfStage(stage));
  if (stage.flags || !world.proxies[0].isRunning) {
    await Promise.all(world.proxies.map((proxy) => proxy.stop()));
    for (const proxy of world.proxies) proxy.start(stage.flags);
  }
  const isShort = !program.isUpstream && UNSETTLED[mode][stage.name] !== undefined;
  await world.settle([], isShort ? SHORT_PATIENCE_MS : undefined);
  const planned = plannedRows().filter((one) => one.stage === stage.name);
  const outcomes = planned.map(async (one) => {
    return [one.key, sumUp(await world.clients.ask(questionOf(one, mode)))] as const;
  });
  return Object.fromEntries(await Promise.all(outcomes));
}

await answer<PacketsInput, PacketsOutput>(async (input) => {
  const times: Record<string, number> = {};
  let began = Date.now();
  const lap = (name: string): void => {
    times[name] = Date.now() - began;
    began = Date.now();
  };
  const world = await World.build(input);
  lap('building');
  const rows: Record<string, Outcome> = {};
  const unsettled: Record<string, string> = {};
  for (const stage of STAGES) {
    try {
      Object.assign(rows, await playStage(world, stage, input));
    } catch (error) {
      if (!(error instanceof UnsettledError)) throw error;
      unsettled[stage.name] = error.message;
    }
    lap(stage.name);
  }
  const occasions = await playOccasions(world, input);
  lap('occasions');
  return { rows, unsettled, occasions, times };
});
