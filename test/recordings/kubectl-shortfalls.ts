// What kubectl says here and said otherwise to upstream. A number may only go down, a transcript only leave NOT_YET.

/** Commands of a transcript that may fail at most, and why. The player gives a transcript up after three. */
export const SHORTFALLS: Record<string, { failed: number; why: string }> = {
  'slices/headless-publish': {
    failed: 2,
    why: 'rows stand in the order of their names, whose ends are random: upstream says it otherwise one time in four, too',
  },
};

/** Transcripts whose subject is not built, which would only wait for it. */
export const NOT_YET: Record<string, string> = {
  'cluster/access': 'requests are authenticated but everything is authorized',
  'cluster/quota': 'no quota and no limit range in admission',
  'commands/cluster': 'no CustomResourceDefinitions',
  'scheduler/preemption': 'the scheduler evicts nobody for a higher priority',
  'workloads/autoscale': 'no HorizontalPodAutoscaler controller',
  'workloads/cronjob': 'no CronJob controller',
  'workloads/daemonset': 'no DaemonSet controller',
  'workloads/disruption': 'no PodDisruptionBudget controller',
  'workloads/jobs': 'no Job controller',
  'workloads/statefulset': 'no StatefulSet controller',
};
