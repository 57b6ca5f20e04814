// Lists of conditions as statuses carry them: one per type, whose transition time moves only with its status.

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

/** `conditions` with `next` in its place; the same list when it says nothing new. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, next: C): C[] {
  const all = conditions ?? [];
  const current = all.find(({ type }) => type === next.type);
  if (current && current.status === next.status && current.reason === next.reason && current.message === next.message) {
    return all as C[];
  }
  const moved = current?.status === next.status ? current.lastTransitionTime : next.lastTransitionTime;
  const news = { ...next, lastTransitionTime: moved };
  return current ? all.map((condition) => (condition === current ? news : condition)) : [...all, news];
}

export function withoutCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
