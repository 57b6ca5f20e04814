// What a benchmark says: rows of one table, each measured against its target where it has one.

export interface Row {
  readonly what: string;
  readonly measured: string;
  /** As DESIGN's table of measures has it; absent: told for comparison only. */
  readonly target?: string;
  /** Absent without a target. */
  readonly met?: boolean;
}

export interface Context {
  /** An empty directory on disk, removed afterwards. */
  readonly scratch: string;
  /** How long each phase of load lasts, s. */
  readonly seconds: number;
  /** Ends what is running. */
  readonly signal: AbortSignal;
}

export interface Bench {
  /** As given on the command line. */
  readonly name: string;
  run(context: Context): Promise<Row[]>;
}

/** `share` 0.5 is the median; sorts a copy. NaN when there are no samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `p50 1.2 ms · p99 8.7 ms` */
export function spread(samples: readonly number[]): string {
  return `p50 ${ms(percentile(samples, 0.5))} · p99 ${ms(percentile(samples, 0.99))}`;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

export function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString('en')}/s`;
}

/** Columns what, measured, target, verdict; aligned. */
export function formatTable(rows: readonly Row[]): string {
  const lines = rows.map(({ what, measured, target = '', met }) => [what, measured, target, verdict(met)]);
  const table = [['what', 'measured', 'target', ''], ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((line) => line[column].length)));
  return table
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function verdict(met: boolean | undefined): string {
  return met === undefined ? '' : met ? 'met' : 'MISSED';
}
