// One run of the suite: which rows there are, and what the script that plays them answers.
import type { IPFamily } from '../../proxy/plan.ts';
import type { Outcome } from './judge.ts';
import type { Occasions } from './occasions.ts';
import { STAGES } from './stages.ts';
import { type Case, type Row, rowName } from './table.ts';
import { FAMILIES } from './topology.ts';
import type { WorldOptions } from './world.ts';

export type PacketsInput = WorldOptions;

export interface PacketsOutput {
  /** By `PlannedRow.key`. */
  readonly rows: Readonly<Record<string, Outcome>>;
  /** Stages at whose end not every proxy had followed, and why; their rows were not played. */
  readonly unsettled: Readonly<Record<string, string>>;
  readonly occasions: Occasions;
  /** ms each stage took. */
  readonly times: Readonly<Record<string, number>>;
}

export interface PlannedRow {
  readonly key: string;
  readonly stage: string;
  readonly case: Case;
  readonly row: Row;
  readonly family: IPFamily;
}

/** A row may ask for a family that its Service has not; else it is played in all that the Service has. */
const familiesOf = (one: Case, row: Row): readonly IPFamily[] =>
  row.family ? [row.family] : (one.families ?? FAMILIES);

/** Every row of every stage, once per family that it holds for. */
export function plannedRows(): PlannedRow[] {
  return STAGES.flatMap(({ name: stage, cases }) =>
    cases.flatMap((one) =>
      one.rows.flatMap((row) =>
        familiesOf(one, row).map((family) => ({
          key: `${stage}: ${one.name}: ${rowName(row, family)}`,
          stage,
          case: one,
          row,
          family,
        })),
      ),
    ),
  );
}
