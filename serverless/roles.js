'use strict';

// One role for each function, with exactly the permissions for its calls. tests/infra/permissions
// traces the calls of the functions and finds missing and superfluous permissions.
//
// Applications have arbitrary names, so the statements identify their resources by account, region,
// names of environments and slots, and the tags of their stacks. A custom template must use the
// same names (docs/custom-template.md).

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
// ARNs of buckets have no account, and another account can own a bucket with the same name.
const OWN_BUCKET = { StringEquals: { 's3:ResourceAccount': sub('${AWS::AccountId}') } };

const named = (service, names, format) => names.map((name) => arn(service, format(name)));

function allow(actions, resources, condition) {
  const statement = { Effect: 'Allow', Action: actions, Resource: resources };
  return condition ? { ...statement, Condition: condition } : statement;
}

const passed = (role, service) =>
  allow(['iam:PassRole'], role, { StringEquals: { 'iam:PassedToService': service } });

// --- Inventory, operations and log. A transaction needs the permissions of its actions. ---

/** Read an application, with its specification; a call also reads its Idempotency-Key. */
const read = [
  allow(['dynamodb:BatchGetItem'], INVENTORY),
  allow(['dynamodb:BatchGetItem', 'dynamodb:GetItem'], LOG),
];
/** Write records and events. */
const record = [allow(['dynamodb:PutItem'], LOG)];
/** Claim rows for an operation. */
const take = (tables) => allow(['dynamodb:UpdateItem'], tables);
/** Write new rows, and the results of operations. */
const write = (tables) => allow(['dynamodb:PutItem'], tables);
/** Count refused calls and waiting calls in the log; claim and release specifications. */
const updateLog = allow(['dynamodb:UpdateItem'], LOG);
/** Check that the specification has not changed since it was read. */
const checkSpecification = allow(['dynamodb:ConditionCheckItem'], LOG);
// ForAllValues is also true without the key. DeleteItem always has one, and whether DynamoDB gives it to
// IAM for an action of a transaction is not documented, so the conditions do not require it.
const removeFromLog = (operator, partitions) =>
  allow(['dynamodb:DeleteItem'], LOG, {
    [`ForAllValues:${operator}`]: { 'dynamodb:LeadingKeys': partitions },
  });
/**
 * Remove an application: its rows, its specification, and the entry that reserves its name. `others` are
 * further partitions of the log that must remain.
 *
 * The names of applications are not known, so the condition excludes all other partitions of the log
 * (devops_core/adapters/dynamodb/items.py). No condition key has the sort key of an item, so this
 * includes the records and events of applications. One statement has all partitions of a transaction,
 * because IAM could receive their keys together.
 */
const removing = (...others) => [
  allow(['dynamodb:DeleteItem'], INVENTORY),
  removeFromLog('StringNotLike', ['*#?*', ...others, 'EVENTS#', 'SCHEDULE#', 'WAITING#']),
];
const remove = removing('DRIFT#');
/**
 * Find the revisions of a specification, which are items of applications, whose names have no "#". An
 * operation deletes them while it holds the record.
 */
const removeRevisions = [
  allow(['dynamodb:Query'], LOG, {
    'ForAllValues:StringNotLike': { 'dynamodb:LeadingKeys': ['*#*'] },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  }),
  checkSpecification,
];

// --- CloudFormation: the stacks of applications ---

/** Read the application template, in the version at the start of the operation. */
const readTemplate = [
  allow(
    ['s3:GetObject', 's3:GetObjectVersion'],
    sub('arn:${AWS::Partition}:s3:::${self:custom.parameters.templateobject}'),
    OWN_BUCKET,
  ),
  // Without it S3 returns 403 instead of 404 for a missing template.
  allow(['s3:ListBucket'], '${self:custom.parameters.readablebuckets}', OWN_BUCKET),
];
/**
 * CloudFormation checks the typed parameters of a template (VPC, subnets, security groups) with the
 * permissions of the caller. EC2 has no resource-level permissions for these calls.
 */
const typedParameters = allow(
  ['ec2:DescribeVpcs', 'ec2:DescribeSubnets', 'ec2:DescribeSecurityGroups'],
  '*',
);
/** Create stacks, only with the role for stacks: the functions cannot create their resources. */
const createStack = [
  allow(['cloudformation:CreateStack'], STACK, {
    StringEquals: { 'cloudformation:RoleArn': STACK_ROLE },
    Null: { [`aws:RequestTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(['cloudformation:TagResource'], STACK, {
    StringEquals: { 'cloudformation:CreateAction': 'CreateStack' },
  }),
  // For the stack policy and the termination protection in CreateStack. The new stack has no tags yet
  // that a condition could name.
  allow(['cloudformation:SetStackPolicy', 'cloudformation:UpdateTerminationProtection'], STACK),
  // The template uses this macro, for which CloudFormation requires the right to create a change
  // set.
  allow(['cloudformation:CreateStack', 'cloudformation:CreateChangeSet'], MACRO),
  typedParameters,
  ...readTemplate,
];
const followStack = allow(
  ['cloudformation:DescribeStacks', 'cloudformation:DescribeStackEvents'],
  STACK,
);
/** Read the change sets of operations: a function that cannot change a stack follows its update. */
const followChangeSet = allow(['cloudformation:DescribeChangeSet'], STACK, {
  StringLike: { 'cloudformation:ChangeSetName': 'op-*' },
  Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
});
/** Change stacks of this service by change sets, only with the role for stacks. */
const changeStack = [
  followChangeSet,
  // The reasons of a failed change set. The Service Authorization Reference has both resources for
  // this action, and none of them as required.
  allow(['cloudformation:DescribeEvents'], STACK, {
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(['cloudformation:DescribeEvents'], arn('cloudformation', 'changeSet/op-*')),
  allow(['cloudformation:CreateChangeSet', 'cloudformation:ContinueUpdateRollback'], STACK, {
    StringEquals: { 'cloudformation:RoleArn': STACK_ROLE },
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(
    ['cloudformation:ExecuteChangeSet', 'cloudformation:DeleteChangeSet'],
    STACK,
    {
      StringLike: { 'cloudformation:ChangeSetName': 'op-*' },
      Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
    },
  ),
  // A change set has the unchanged tags of the stack. Whether CloudFormation checks this action for
  // unchanged tags, at the execution too, is not documented.
  allow(['cloudformation:TagResource'], [STACK, arn('cloudformation', 'changeSet/op-*')], {
    StringEquals: { 'cloudformation:CreateAction': ['CreateChangeSet', 'ExecuteChangeSet'] },
  }),
  allow(['cloudformation:CreateChangeSet'], MACRO),
];
/** Read the template of a stack, which a change of its environments keeps. */
const readStackTemplate = allow(['cloudformation:GetTemplate'], STACK, {
  Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
});
/** Read and delete the change set of a dry run (devops_core/engine/preview.py); not execute it. */
const previewChangeSet = [
  allow(['cloudformation:DescribeChangeSet', 'cloudformation:DeleteChangeSet'], STACK, {
    StringEquals: { 'cloudformation:ChangeSetName': 'dry-run' },
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(['cloudformation:DescribeEvents'], arn('cloudformation', 'changeSet/dry-run/*')),
  allow(['cloudformation:TagResource'], arn('cloudformation', 'changeSet/dry-run/*'), {
    StringEquals: { 'cloudformation:CreateAction': 'CreateChangeSet' },
  }),
];
/** Validate a template and read its parameters; no resource-level permissions exist. */
const validateTemplate = allow(['cloudformation:ValidateTemplate'], '*');
/** Delete only stacks that operations of this service have created, and read their events. */
const undoStack = [
  followStack,
  allow(['cloudformation:DeleteStack'], STACK, {
    StringEquals: { 'cloudformation:RoleArn': STACK_ROLE },
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  allow(['cloudformation:UpdateTerminationProtection'], STACK, {
    Null: { [`aws:ResourceTag/${MADE_BY_AN_OPERATION}`]: 'false' },
  }),
  passed(STACK_ROLE, 'cloudformation.amazonaws.com'),
];

// --- ECS. It has no resource-level permissions for reading and deregistering task definitions. ---

const followServices = allow(['ecs:DescribeServices'], '*');
/**
 * Update only services of applications: the template tags them. Without `ecsexec` the update of a service
 * cannot turn on ECS Exec (ECS Developer Guide, "Using IAM policies to limit access to ECS Exec").
 * Updates of a task count do not have the key.
 */
const updateServices = (names) =>
  allow(['ecs:UpdateService'], named('ecs', names, (name) => `service/*/${name}`), {
    Null: { 'aws:ResourceTag/devops:application': 'false' },
    StringEqualsIfExists: {
      'ecs:enable-execute-command': '${self:custom.parameters.ecsexecvalues}',
    },
  });
const taskDefinitions = (names) => named('ecs', names, (name) => `task-definition/*-${name}:*`);
/** Register the next task definition of a service, and find it again. */
const register = (names) => [
  // As in stack-role.yml: only for Fargate and without privileges.
  allow(['ecs:RegisterTaskDefinition'], taskDefinitions(names), {
    Null: { 'ecs:compute-compatibility': 'false' },
    'ForAllValues:StringEquals': { 'ecs:compute-compatibility': ['FARGATE'] },
    StringNotEqualsIgnoreCase: { 'ecs:privileged': 'true' },
  }),
  // Only at registration, which has its own names: a new tag would assign an existing task definition to
  // another operation.
  allow(['ecs:TagResource'], arn('ecs', 'task-definition/*'), {
    StringEquals: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
  }),
];
/** Use a task definition with the roles that the application template creates, or with taskroles. */
const passTaskRoles = passed('${self:custom.parameters.passableroles}', 'ecs-tasks.amazonaws.com');
const findTaskDefinitions = allow(['ecs:ListTaskDefinitions', 'ecs:DescribeTaskDefinition'], '*');
const deregister = allow(['ecs:DeregisterTaskDefinition'], '*');
/** Read the reasons of stopped tasks, and the logs of their containers. */
const stoppedTasks = [
  allow(['ecs:ListTasks'], '*'),
  allow(['ecs:DescribeTasks'], '*'),
  // The last lines of a container that failed. The service reads only groups of the application.
  allow(['logs:GetLogEvents'], arn('logs', 'log-group:/ecs/*:log-stream:*')),
];
// --- Application Auto Scaling. The ARN of a scalable target does not contain the service. ---

const scalableTargets = (...actions) =>
  allow(
    actions.map((action) => `application-autoscaling:${action}`),
    arn('application-autoscaling', 'scalable-target/*'),
    {
      StringEquals: {
        'application-autoscaling:service-namespace': 'ecs',
        'application-autoscaling:scalable-dimension': 'ecs:service:DesiredCount',
      },
    },
  );
/**
 * Register targets. Application Auto Scaling checks with the permissions of the caller that it can update
 * the service, so only services of applications are possible, and with calls that name no alarm that it
 * can change alarms ("Permissions validation for Application Auto Scaling API calls on target resources",
 * Application Auto Scaling User Guide). The functions cannot change alarms themselves (IAM User Guide,
 * "aws:ViaAWSService"). The first call of an account creates the role of Application Auto Scaling.
 */
const registerTargets = [
  scalableTargets('RegisterScalableTarget'),
  allow(
    ['cloudwatch:DescribeAlarms', 'cloudwatch:PutMetricAlarm', 'cloudwatch:DeleteAlarms'],
    arn('cloudwatch', 'alarm:*'),
    { Bool: { 'aws:ViaAWSService': 'true' } },
  ),
  allow(
    ['iam:CreateServiceLinkedRole'],
    sub(
      'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/*',
    ),
    { StringEquals: { 'iam:AWSServiceName': 'ecs.application-autoscaling.amazonaws.com' } },
  ),
];
/** Read targets; no resource-level permissions exist. */
const readTargets = allow(['application-autoscaling:DescribeScalableTargets'], '*');
const removeTargets = scalableTargets('DeregisterScalableTarget');
/** Give services exactly the policies of a scaling. */
const scaleServices = [
  ...registerTargets,
  removeTargets,
  scalableTargets('PutScalingPolicy', 'DeleteScalingPolicy', 'DeleteScheduledAction'),
  // The names of the load balancer, for the requests of each target.
  allow(['elasticloadbalancing:DescribeTargetGroups'], '*'),
];
/** Change the limits of the slots during a swap. */
const limitSlots = [...registerTargets, scalableTargets('PutScheduledAction')];
/** Change also their scale-in after it. */
const scaleSlots = [...limitSlots, readTargets];
/** Follow a rollout to its end, including a rollback to the previous task definition. */
const follow = (names) => [
  followServices,
  updateServices(names),
  passTaskRoles,
  ...stoppedTasks,
  deregister,
  ...scaleServices,
];
const rollOut = (names) => [...register(names), findTaskDefinitions, ...follow(names)];
/**
 * Read the digest of an image. A deploy may use any repository of this account. A missing image can
 * belong to a pull-through cache; ECR has no resource-level permissions for reading their rules.
 */
const images = [
  allow(['ecr:DescribeImages'], arn('ecr', 'repository/*')),
  allow(['ecr:DescribePullThroughCacheRules'], '*'),
];

/** Read the tags of secrets and parameters, not their values. */
const secretTags = [
  allow(['secretsmanager:DescribeSecret'], arn('secretsmanager', 'secret:*')),
  allow(['ssm:ListTagsForResource'], arn('ssm', 'parameter/*')),
];

// --- Load balancers of production. ELB has no resource-level permissions for Describe calls. ---

const listenerRules = allow(['elasticloadbalancing:DescribeRules'], '*');
const targets = allow(['elasticloadbalancing:DescribeTargetHealth'], '*');
/**
 * Change the weights of listeners. If a listener authenticates users with Amazon Cognito, ELB reads the
 * client of the user pool with the permissions of the caller ("Prepare to use Amazon Cognito", ELB User
 * Guide).
 */
const switchListeners = [
  allow(
    ['elasticloadbalancing:ModifyListener'],
    arn('elasticloadbalancing', 'listener/app/*-prod/*'),
  ),
  allow(['cognito-idp:DescribeUserPoolClient'], arn('cognito-idp', 'userpool/*')),
];
/**
 * Check a swap: read alarms and metrics. GetMetricData has no resource-level permissions. With a
 * narrower resource DescribeAlarms returns no composite alarms (CloudWatch API, DescribeAlarms).
 */
const monitor = allow(['cloudwatch:DescribeAlarms', 'cloudwatch:GetMetricData'], '*');

/** Abort an operation of any kind, beside the removal of an application: roll it back or complete it. */
const endEarly = [
  ...read,
  ...record,
  write(INVENTORY),
  ...undoStack,
  findTaskDefinitions,
  ...follow(SERVICES),
  listenerRules,
  targets,
  ...switchListeners,
  ...limitSlots,
];
/** Complete an operation of any kind, beside the removal of an application. */
const anyOperation = [...endEarly, monitor, ...scaleSlots, ...removeRevisions, ...createStack, ...register(SERVICES)];

/** Read the team of a repository that is not the application's own. */
const repositoryTeams = allow(['ecr:ListTagsForResource'], arn('ecr', 'repository/*'));

/** Move a swap on to its end, also back. */
const moveSwap = [
  ...read,
  ...record,
  updateLog,
  write(PRODUCTION),
  followServices,
  updateServices(SLOTS),
  listenerRules,
  targets,
  ...switchListeners,
  monitor,
  ...scaleSlots,
];

/** The statements of each function of serverless.yml. */
const FUNCTIONS = {
  create: [
    ...read,
    ...record,
    updateLog,
    write(INVENTORY),
    ...remove,
    ...createStack,
    // A dry run.
    validateTemplate,
    ...secretTags,
    // The images of sidecars.
    ...images,
    repositoryTeams,
    ...undoStack,
    ...rollOut(SERVICES),
  ],
  deployNonProd: [
    ...read,
    ...record,
    updateLog,
    checkSpecification,
    take(TESTS),
    write(TESTS),
    ...images,
    repositoryTeams,
    ...rollOut(TEST_ENVIRONMENTS),
  ],
  deployProdBlue: [
    ...read,
    ...record,
    updateLog,
    checkSpecification,
    take(PRODUCTION),
    write(PRODUCTION),
    // The source of the promote must not change.
    allow(['dynamodb:ConditionCheckItem'], TESTS),
    ...images,
    listenerRules,
    ...rollOut(SLOTS),
  ],
  swap: [...moveSwap, checkSpecification, take(PRODUCTION)],
  update: [
    ...read,
    ...record,
    updateLog,
    take(INVENTORY),
    write(INVENTORY),
    ...secretTags,
    // The images of sidecars.
    ...images,
    repositoryTeams,
    followStack,
    ...changeStack,
    readStackTemplate,
    typedParameters,
    // The rows of environments that do not exist any more.
    allow(['dynamodb:DeleteItem'], TESTS),
    // CloudFormation reads a template that is too large for the request.
    allow(
      ['s3:GetObjectVersion'],
      sub('arn:${AWS::Partition}:s3:::${self:custom.parameters.templateobject}'),
      OWN_BUCKET,
    ),
    passed(STACK_ROLE, 'cloudformation.amazonaws.com'),
    ...rollOut(TEST_ENVIRONMENTS),
    // Of production only the task count and the scaling change at once.
    updateServices(SLOTS),
  ],
  upgrade: [
    ...read,
    ...record,
    updateLog,
    followStack,
    ...changeStack,
    ...previewChangeSet,
    validateTemplate,
    typedParameters,
    ...readTemplate,
    passed(STACK_ROLE, 'cloudformation.amazonaws.com'),
  ],
  delete: [
    ...read,
    ...record,
    updateLog,
    take(INVENTORY),
    write(INVENTORY),
    ...remove,
    ...removeRevisions,
    ...undoStack,
    findTaskDefinitions,
    deregister,
    removeTargets,
  ],
  abort: [...endEarly, ...remove, readTargets, followChangeSet, updateLog],
  advance: moveSwap,
  query: [
    followChangeSet,
    ...anyOperation,
    ...remove,
    updateLog,
    // The health check.
    allow(['dynamodb:GetItem'], INVENTORY),
  ],
  // Only reads.
  inventory: [
    allow(['dynamodb:BatchGetItem'], [...INVENTORY, LOG]),
    // Names in any case, for the message about a missing application.
    allow(['dynamodb:GetItem', 'dynamodb:Query'], LOG),
    followServices,
    listenerRules,
    targets,
  ],
  reconcile: [
    ...anyOperation,
    ...changeStack,
    readStackTemplate,
    updateLog,
    allow(['dynamodb:Query'], arn('dynamodb', 'table/${self:custom.tables.log}/index/OpenOperations')),
    // The drift check, which deletes its position at the end of the applications. Sent notifications are
    // items of applications.
    allow(['dynamodb:Scan'], PRODUCTION),
    ...removing(),
    allow(['events:PutEvents'], arn('events', 'event-bus/default'), {
      'ForAllValues:StringEquals': { 'events:source': 'devops-ecs' },
      Null: { 'events:source': 'false' },
    }),
  ],
};

/** Write to the log group of the function, which osls creates. */
const ownLog = (name) =>
  allow(
    ['logs:CreateLogStream', 'logs:PutLogEvents'],
    arn('logs', `log-group:/aws/lambda/\${self:service}-\${self:provider.stage}-${name}:*`),
  );

/**
 * The same permissions in fewer characters: one statement for all actions with the same resources and
 * condition. All inline policies of a role have at most 10,240 characters (IAM User Guide, "IAM and STS
 * character limits").
 */
function combined(statements) {
  const groups = new Map();
  for (const { Action, ...rest } of statements) {
    const key = JSON.stringify(rest);
    const actions = groups.get(key)?.Action ?? [];
    groups.set(key, { ...rest, Action: [...new Set([...actions, ...Action])] });
  }
  return [...groups.values()];
}

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
        PolicyDocument: { Version: '2012-10-17', Statement: combined([ownLog(name), ...statements]) },
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
