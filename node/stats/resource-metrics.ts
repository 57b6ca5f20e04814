// `/metrics/resource` and `/metrics`: the same figures as text, under the kubelet's names, which metrics-server reads
// (kubernetes v1.36 pkg/kubelet/metrics/collectors/resource_metrics.go).
import type { Stats, Summary } from './summary.ts';

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly lines: readonly string[];
}

interface Sample {
  /** As they stand behind the family's name: nothing, or `{a="b"}`. */
  readonly labels: string;
  readonly stats: Stats;
}

/** `at`, in ms since the epoch, stands behind every figure that was measured then. */
export function resourceMetrics({ node, pods }: Summary, at: number): string {
  const containers = pods.flatMap(({ podRef: { name, namespace }, containers: inside }) =>
    inside.map((stats) => ({ labels: labels({ container: stats.name, namespace, pod: name }), stats })),
  );
  const whole = pods.map(({ podRef: { name, namespace }, ...stats }) => ({
    labels: labels({ namespace, pod: name }),
    stats,
  }));
  const nodes = node.cpu && node.memory ? [{ labels: '', stats: { cpu: node.cpu, memory: node.memory } }] : [];
  const started = containers.map(
    ({ labels, stats }) => `container_start_time_seconds${labels} ${Date.parse(stats.startTime!) / 1000}`,
  );
  const families: Family[] = [
    ...usage('container', containers, at),
    {
      name: 'container_start_time_seconds',
      type: 'gauge',
      help: 'Start time of the container since unix epoch in seconds',
      lines: started,
    },
    ...usage('node', nodes, at),
    ...usage('pod', whole, at),
    {
      name: 'resource_scrape_error',
      type: 'gauge',
      help: '1 if there was an error while getting container metrics, 0 otherwise',
      lines: ['resource_scrape_error 0'],
    },
  ];
  return families
    .filter(({ lines }) => lines.length > 0)
    .map(text)
    .join('');
}

/** `/metrics`: of the agent itself, under the kubelet's names. */
export function agentMetrics({ node: { nodeName }, pods }: Summary): string {
  const containers = pods.flatMap((pod) => pod.containers).length;
  const gauge = (name: string, help: string, line: string): string =>
    text({ name, type: 'gauge', help, lines: [`${name}${line}`] });
  return [
    gauge('kubelet_node_name', "The node's name. The count is always 1.", `${labels({ node: nodeName })} 1`),
    gauge(
      'kubelet_running_containers',
      'Number of containers currently running',
      `{container_state="running"} ${containers}`,
    ),
    gauge('kubelet_running_pods', 'Number of pods that have a running pod sandbox', ` ${pods.length}`),
  ].join('');
}

function usage(place: string, samples: readonly Sample[], at: number): Family[] {
  const cpu = `${place}_cpu_usage_seconds_total`;
  const memory = `${place}_memory_working_set_bytes`;
  return [
    {
      name: cpu,
      type: 'counter',
      help: `Cumulative cpu time consumed by the ${place} in core-seconds`,
      lines: samples.map(({ labels, stats }) => `${cpu}${labels} ${stats.cpu.usageCoreNanoSeconds / 1e9} ${at}`),
    },
    {
      name: memory,
      type: 'gauge',
      help: `Current working set of the ${place} in bytes`,
      lines: samples.map(({ labels, stats }) => `${memory}${labels} ${stats.memory.workingSetBytes} ${at}`),
    },
  ];
}

/** Names of Kubernetes objects hold nothing that would need an escape. */
function labels(values: Readonly<Record<string, string>>): string {
  return `{${Object.entries(values).map(([name, value]) => `${name}="${value}"`)}}`;
}

const text = ({ name, type, help, lines }: Family): string =>
  `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
