'use strict';

// The CloudWatch dashboard of the service. It shows the functions of serverless.yml and the metrics
// of devops_core/engine/telemetry.py; tests/infra/test_monitoring.py compares it with both.

const KINDS = ['create', 'deploy', 'deploy-blue', 'swap', 'update', 'upgrade', 'delete', 'repair'];
const OUTCOMES = ['SUCCEEDED', 'FAILED'];
// A repair has no duration.
const TIMED_KINDS = KINDS.filter((kind) => kind !== 'repair');
const TABLES = ['nonproduction', 'production', 'trainingda', 'log'];
const INDEX = 'OpenOperations';
// Resources of serverless/alarms.yml.
const ALARMS = [
  'OverdueOperationsAlarm',
  'ReconcileErrorsAlarm',
  'ReconcileFunctionAlarm',
  'RefusalsAlarm',
];
// Resources of serverless/notifications.yml, by its keys.
const RULE_ALARMS = { topic: ['TopicRuleAlarm'], slack: ['SlackRuleAlarm'], none: [] };
// Log messages about faults of the functions, as opposed to faults of a call or an application.
const FAULTS = [
  'broken',
  'failed',
  'given up',
  'reconcile failed',
  'check failed',
  'notification failed',
];

const NAMESPACE = 'devops-ecs';
const STAGE = ['Stage', '${self:custom.parameters.stage}'];
const API = ['ApiName', '${self:custom.parameters.apiname}', ...STAGE];
const PERIOD = 300;
const WIDTH = 24;
const HALF = WIDTH / 2;
const HEIGHT = 6;

const functionName = (name) => `\${self:service}-\${self:custom.parameters.stage}-${name}`;
const tableName = (key) => `\${self:custom.tables.${key}}`;

const graph = (title, stat, metrics, more = {}) => ({
  type: 'metric',
  properties: { title, stat, metrics, period: PERIOD, region: '${AWS::Region}', ...more },
});

const counted = (name, label) => [NAMESPACE, name, ...STAGE, { label }];

/** Durations of ended operations: the median and the 95th percentile. */
const durations = ['p50', 'p95'].flatMap((stat) =>
  TIMED_KINDS.map((kind) => [
    ...[NAMESPACE, 'OperationDuration', ...STAGE, 'Kind', kind],
    { stat, label: `${kind} ${stat}` },
  ]),
);

const ended = KINDS.flatMap((kind) =>
  OUTCOMES.map((outcome) => [
    ...[NAMESPACE, 'Operations', ...STAGE, 'Kind', kind, 'Outcome', outcome],
    { label: `${kind} ${outcome}` },
  ]),
);

const throttledFunctions = (names) =>
  names.map((name) => ['AWS/Lambda', 'Throttles', 'FunctionName', functionName(name), { label: name }]);

/** DynamoDB counts requests by operation, without a total. */
const throttledRequests = TABLES.map((key) => {
  const terms = `MetricName="ThrottledRequests" TableName="${tableName(key)}"`;
  const search = `SEARCH('{AWS/DynamoDB,TableName,Operation} ${terms}', 'Sum', ${PERIOD})`;
  return [{ expression: `SUM(${search})`, label: `${tableName(key)} requests` }];
});

const throttleEvents = ['Read', 'Write'].flatMap((what) => {
  const name = `${what}ThrottleEvents`;
  const label = (of) => ({ label: `${of} ${what.toLowerCase()} events` });
  const index = ['TableName', tableName('log'), 'GlobalSecondaryIndexName', INDEX];
  return [
    ...TABLES.map((key) => ['AWS/DynamoDB', name, 'TableName', tableName(key), label(tableName(key))]),
    ['AWS/DynamoDB', name, ...index, label(INDEX)],
  ];
});

const errors = (names) =>
  names.map((name) => ['AWS/Lambda', 'Errors', 'FunctionName', functionName(name), { label: name }]);

const calls = ['Count', '4XXError', '5XXError'].map((name) => ['AWS/ApiGateway', name, ...API]);
const latencies = ['p50', 'p95'].map((stat) => [
  ...['AWS/ApiGateway', 'Latency', ...API],
  { stat, label: `Latency ${stat}` },
]);

/** A table of log lines of all functions. */
const table = (names, title, query) => ({
  type: 'log',
  width: WIDTH,
  properties: {
    title,
    region: '${AWS::Region}',
    view: 'table',
    query: [
      ...names.map((name) => `SOURCE '/aws/lambda/${functionName(name)}'`),
      ...query,
      'sort @timestamp desc',
      'limit 20',
    ].join('\n| '),
  },
});

const widgets = (names, alarms) => [
  {
    type: 'alarm',
    width: WIDTH,
    height: 2,
    properties: { title: 'Alarms', alarms: alarms.map((name) => `\${${name}.Arn}`) },
  },
  graph('Operations that have ended', 'Sum', ended, { view: 'timeSeries', stacked: true }),
  graph('Duration of operations, seconds', 'p50', durations),
  graph('Open operations', 'Maximum', [
    counted('OpenOperations', 'open'),
    counted('OverdueOperations', 'past their deadline'),
    counted('ProcessedOperations', 'processed in a minute'),
    counted('UnreachedOperations', 'without a turn in a minute'),
  ]),
  graph('Age of the oldest operation, seconds', 'Maximum', [counted('OldestOperation', 'age')]),
  graph('Reconcile and drift check errors, throttled calls', 'Sum', [
    counted('ReconcileErrors', 'reconcile errors'),
    counted('Throttles', 'throttles'),
  ]),
  graph('Refused callers', 'Sum', [counted('Refusals', 'refusals')]),
  graph('API calls', 'Sum', calls),
  graph('API latency, milliseconds', 'p50', latencies),
  graph('Errors of functions', 'Sum', errors(names)),
  graph('Throttled functions', 'Sum', throttledFunctions(names)),
  graph('Throttled requests of tables', 'Sum', throttledRequests),
  graph('Throttle events of tables', 'Sum', throttleEvents),
  table(names, 'Operations that have failed', [
    'fields @timestamp, applicationName, kind, operation, caller, reason',
    'filter message = "ended" and outcome = "FAILED"',
  ]),
  table(names, 'Refused callers', [
    'fields @timestamp, caller, applicationName, route, reason',
    'filter message = "refused"',
  ]),
  table(names, 'Faults of the service', [
    'fields @timestamp, message, applicationName, operation, caller, route, cause, error',
    `filter message in ${JSON.stringify(FAULTS)}`,
  ]),
];

/** Position widgets from left to right and from top to bottom. */
function placed(all) {
  let [x, y, row] = [0, 0, 0];
  return all.map(({ type, width = HALF, height = HEIGHT, properties }) => {
    if (x + width > WIDTH) [x, y, row] = [0, y + row, 0];
    const widget = { type, x, y, width, height, properties };
    [x, row] = [x + width, Math.max(row, height)];
    return widget;
  });
}

module.exports = async ({ resolveConfigurationProperty }) => {
  const names = Object.keys(await resolveConfigurationProperty(['functions']));
  const { topicrule, slackrule } = await resolveConfigurationProperty(['custom', 'parameters']);
  const alarms = [...ALARMS, ...RULE_ALARMS[topicrule], ...RULE_ALARMS[slackrule]];
  const body = { start: '-P1D', widgets: placed(widgets(names, alarms)) };
  return {
    Resources: {
      Dashboard: {
        Type: 'AWS::CloudWatch::Dashboard',
        Properties: {
          DashboardName: '${self:service}-${self:custom.parameters.stage}',
          DashboardBody: { 'Fn::Sub': JSON.stringify(body) },
        },
      },
    },
  };
};
