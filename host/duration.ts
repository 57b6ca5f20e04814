// Durations as Go writes them, the way upstream's flags take them.
import * as z from 'zod';

/** ms. */
const UNITS: Readonly<Record<string, number>> = { h: 3600_000, m: 60_000, s: 1000, ms: 1 };

/** `500ms`, `90s`, `1m30s`, `1.5h`, `0` → ms; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0);
}

/** The type of a flag that takes a duration; its value is in ms. */
export function durationFlag(fallback: string): z.ZodType<number> {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined) return ms;
      const message = `${JSON.stringify(text)} is not a duration such as 500ms, 90s or 1h30m`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}
