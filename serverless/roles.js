'use strict';

// One role for each function, with what the function calls and no more: tests/infra/permissions goes
// through everything that the functions do and holds this file to it, in both directions.
//
// Applications have any name, so their resources are scoped by what is theirs for certain: account,
// region, the names of environments and slots, and the tags of their stacks. A template of one's own
// keeps to these names.

const TEST_ENVIRONMENTS = ['dev', 'qa', 'stage', 'training', 'da'];
const SLOTS = ['prod-1', 'prod-2'];
const SERVICES = [...TEST_ENVIRONMENTS, ...SLOTS];

const sub = (text) => ({ 'Fn::Sub': text });
const arn = (service, resource) =>
  sub(`arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`);
const table = (name) => arn('dynamodb', `table/\${self:custom.tables.${name}}`);

const LOG = table('log');
const NON_PRODUCTION = table('nonproduction');
const PRODUCTION = table('production');
const TRAINING_DA = table('trainingda');
const TESTS = [NON_PRODUCTION, TRAINING_DA];
const INVENTORY = [NON_PRODUCTION, PRODUCTION, TRAINING_DA];

const STACK_ROLE = { 'Fn::GetAtt': ['StackRole', 'Arn'] };
const MACRO = sub(
  'arn:${AWS::Partition}:cloudformation:${AWS::Region}:aws:transform/LanguageExtensions',
);
const STACK = arn('cloudformation', 'stack/*');
const MADE_BY_AN_OPERATION = 'devops:operation';

const named = (service, names, format) => names.map((name) => arn(service, format(name)));

function allow(actions, resources, condition) {
  const statement = { Effect: 'Allow', Action: actions, Resource: resources };
  return condition ? { ...statement, Condition: condition } : statement;
}

const passed = (role, service) =>
  allow(['iam:PassRole'], role, { StringEquals: { 'iam:PassedToService': service } });

// --- Inventory, operations and log. A transaction needs the permissions of what is in it. ---

/** Look at an application, with the Idempotency-Key of a call when it comes from one. */
const read = (...tables) => [
  allow(['dynamodb:BatchGetItem'], [...INVENTORY, ...tables]),
  allow(['dynamodb:GetItem'], LOG),
];
/** Write records and events. */
const record = [allow(['dynamodb:PutItem'], LOG)];
/** Take rows for an operation. */
const take = (tables) => allow(['dynamodb:UpdateItem'], tables);
/** Write rows: new ones, and what an operation has made of them. */
const write = (tables) => allow(['dynamodb:PutItem'], tables);
/** Remove an application: its rows, and the entry that keeps its name. */
const remove = allow(['dynamodb:DeleteItem'], [...INVENTORY, LOG]);

// --- CloudFormation: the stacks of applications ---

/** Create stacks. Only with the role made for them: no function could make what is in them. */
const createStack = [
  allow(['cloudformation:CreateStack'], STACK, {
    StringEquals: { 'cloudformation:RoleArn': STACK_ROLE },
    Null: { [`aws:RequestTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(['cloudformation:TagResource'], STACK, {
    StringEquals: { 'cloudformation:CreateAction': 'CreateStack' },
  }),
  // The template is expanded by this macro, for which CloudFormation asks as for a change set.
  allow(['cloudformation:CreateStack', 'cloudformation:CreateChangeSet'], MACRO),
  // CloudFormation checks the typed parameters of a template (VPC, subnets, security groups) with
  // the permissions of the caller. EC2 knows no resource for these calls.
  allow(['ec2:DescribeVpcs', 'ec2:DescribeSubnets', 'ec2:DescribeSecurityGroups'], '*'),
  // The application template, in the version that the operation began with.
  allow(
    ['s3:GetObject', 's3:GetObjectVersion'],
    sub('arn:${AWS::Partition}:s3:::${self:custom.parameters.templateobject}'),
  ),
  // Without it S3 answers 403 instead of 404 for a template that is not there.
  allow(['s3:ListBucket'], '${self:custom.parameters.readablebuckets}'),
];
/** Look whether a template is one, and which parameters it has. CloudFormation knows no resource. */
const validateTemplate = allow(['cloudformation:ValidateTemplate'], '*');
/** Delete stacks, but none that no operation of this service has made, and see what failed. */
const undoStack = [
  allow(['cloudformation:DescribeStacks', 'cloudformation:DescribeStackEvents'], STACK),
  allow(['cloudformation:DeleteStack'], STACK, {
    StringEquals: { 'cloudformation:RoleArn': STACK_ROLE },
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  passed(STACK_ROLE, 'cloudformation.amazonaws.com'),
];

// --- ECS. It knows no resource for reading task definitions, or for deregistering one. ---

const followServices = (names) =>
  allow(['ecs:DescribeServices'], named('ecs', names, (name) => `service/*/${name}`));
const updateServices = (names) =>
  allow(['ecs:UpdateService'], named('ecs', names, (name) => `service/*/${name}`));
const taskDefinitions = (names) => named('ecs', names, (name) => `task-definition/*-${name}:*`);
/** Register the next task definition of a service, and find it again. */
const register = (names) => [
  allow(['ecs:RegisterTaskDefinition'], taskDefinitions(names)),
  // A tag on what is there would make it that of another operation.
  allow(['ecs:TagResource'], taskDefinitions(names), {
    StringEquals: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
  }),
  // The roles that the application template makes.
  passed(
    sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/devops-ecs/*'),
    'ecs-tasks.amazonaws.com',
  ),
];
const findTaskDefinitions = allow(['ecs:ListTaskDefinitions', 'ecs:DescribeTaskDefinition'], '*');
const deregister = allow(['ecs:DeregisterTaskDefinition'], '*');
/** Why tasks have stopped. */
const stoppedTasks = [
  allow(['ecs:ListTasks'], '*'),
  allow(['ecs:DescribeTasks'], arn('ecs', 'task/*')),
];
/** Follow a rollout to its end, whatever that is. */
const follow = (names) => [
  followServices(names),
  updateServices(names),
  ...stoppedTasks,
  deregister,
];
const rollOut = (names) => [...register(names), findTaskDefinitions, ...follow(names)];
/** Whether an image exists, and its digest. A deploy may name any repository of this account. */
const images = allow(['ecr:DescribeImages'], arn('ecr', 'repository/*'));

// --- Load balancers of production. ELB knows no resource for its Describe calls. ---

const listeners = allow(['elasticloadbalancing:DescribeListeners'], '*');
const targets = allow(['elasticloadbalancing:DescribeTargetHealth'], '*');
const switchListeners = allow(
  ['elasticloadbalancing:ModifyListener'],
  arn('elasticloadbalancing', 'listener/app/*-prod/*'),
);

/** Whatever ends an operation of any kind before its time: back, or to its end. */
const endEarly = [
  ...read(),
  ...record,
  write(INVENTORY),
  remove,
  ...undoStack,
  findTaskDefinitions,
  ...follow(SERVICES),
  listeners,
  targets,
  switchListeners,
];
/** Whatever brings an operation of any kind to its end. */
const anyOperation = [...endEarly, ...createStack, ...register(SERVICES)];

/** The statements of each function of serverless.yml. */
const FUNCTIONS = {
  create: [
    ...read(),
    ...record,
    write(INVENTORY),
    remove,
    ...createStack,
    // A dry run.
    validateTemplate,
    ...undoStack,
    ...register(SERVICES),
    findTaskDefinitions,
    followServices(SERVICES),
    updateServices(SERVICES),
  ],
  deployNonProd: [
    ...read(LOG),
    ...record,
    take(TESTS),
    write(TESTS),
    images,
    ...rollOut(TEST_ENVIRONMENTS),
  ],
  deployProdBlue: [
    ...read(LOG),
    ...record,
    take(PRODUCTION),
    write(PRODUCTION),
    // What is promoted must not change meanwhile.
    allow(['dynamodb:ConditionCheckItem'], TESTS),
    images,
    listeners,
    ...rollOut(SLOTS),
  ],
  swap: [
    ...read(LOG),
    ...record,
    take(PRODUCTION),
    write(PRODUCTION),
    followServices(SLOTS),
    updateServices(SLOTS),
    listeners,
    targets,
    switchListeners,
  ],
  delete: [
    ...read(LOG),
    ...record,
    take(INVENTORY),
    write(INVENTORY),
    remove,
    ...undoStack,
    findTaskDefinitions,
    deregister,
  ],
  abort: endEarly,
  query: [
    ...anyOperation,
    // The health check.
    allow(['dynamodb:GetItem'], INVENTORY),
  ],
  // Reads alone.
  inventory: [
    allow(['dynamodb:BatchGetItem'], INVENTORY),
    allow(['dynamodb:Query'], LOG),
    followServices(SERVICES),
    listeners,
    targets,
  ],
  reconcile: [
    ...anyOperation,
    allow(['dynamodb:Query'], arn('dynamodb', 'table/${self:custom.tables.log}/index/OpenOperations')),
    // The drift check.
    allow(['dynamodb:Scan'], PRODUCTION),
  ],
};

/** The function's own log; osls has made the group. */
const ownLog = (name) =>
  allow(
    ['logs:CreateLogStream', 'logs:PutLogEvents'],
    arn('logs', `log-group:/aws/lambda/\${self:service}-\${self:provider.stage}-${name}:*`),
  );

const role = (name, statements) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    Description: `The function ${name} of \${self:service}`,
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'lambda.amazonaws.com' },
          Action: 'sts:AssumeRole',
        },
      ],
    },
    Policies: [
      {
        PolicyName: 'calls',
        PolicyDocument: { Version: '2012-10-17', Statement: [ownLog(name), ...statements] },
      },
    ],
  },
});

const logicalId = (name) => `${name[0].toUpperCase()}${name.slice(1)}Role`;

module.exports = {
  Resources: Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, statements]) => [logicalId(name), role(name, statements)]),
  ),
};
