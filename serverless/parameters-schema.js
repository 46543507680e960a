'use strict';

// The JSON Schema of parameters.yml. Each `description` completes the sentence "write ..." in the
// error message for a value that is not valid. The keyword `fault` has a complete message: that of
// the same kind of name in requests (names.json). All values are strings (parameters.js).

const net = require('node:net');
const names = require('./names.json');
const { ANY_OTHER } = require('./registries');

const ACCOUNT = '[0-9]{12}';
// EC2 ids are 8 hexadecimal digits in old accounts, 17 since 2018 (EC2 User Guide, "Resource IDs").
const EC2_ID = '([0-9a-f]{8}|[0-9a-f]{17})';
const REGION = '[a-z]{2}(-[a-z]+)+-[0-9]';
// S3 User Guide, "General purpose bucket naming rules".
const BUCKET = '[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]';
// S3 User Guide, "Safe characters", without * and quotes, which are special in an IAM policy.
const KEY = '[A-Za-z0-9!_.()/-]+';
const S3_HOST = `s3([.-]${REGION})?\\.amazonaws\\.com(\\.cn)?`;
// The three forms of an object's URL; parameters.js reads the named groups.
const TEMPLATE_URLS = [
  `s3://(?<bucket>${BUCKET})/(?<key>${KEY})`,
  `https://(?<bucket>${BUCKET})\\.${S3_HOST}/(?<key>${KEY})`,
  `https://${S3_HOST}/(?<bucket>${BUCKET})/(?<key>${KEY})`,
];
// The host of a registry: a name with a dot or a port, or localhost.
const REGISTRY_HOST = 'localhost|[a-z0-9-]+(\\.[a-z0-9-]+)+(:[0-9]+)?|[a-z0-9-]+:[0-9]+';
// The valid numbers of days (CloudWatch Logs API, PutRetentionPolicy).
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
  3288, 3653,
];

// API Gateway quotas: 10,000 requests a second and a burst of 5,000 for all APIs of an account.
const RATE = '[1-9][0-9]{0,3}|10000';
const BURST = '[1-9][0-9]{0,2}|[1-4][0-9]{3}|5000';
// A caller: an IAM role or user, with * for any characters, or the id of an API key. A role has no
// path here, because the ARN of an assumed role has none (IAM User Guide, "IAM identifiers").
const CALLER =
  `arn:aws[a-z-]*:iam::${ACCOUNT}:(role/[A-Za-z0-9_+=,.@*-]+|user/[A-Za-z0-9_+=,.@*/-]+)` +
  '|[a-z0-9]{10}';

// A value of aws:PrincipalArn, with * for any characters. For the session of a role it is the ARN of
// the role with its path (IAM User Guide, "AWS global condition context keys").
const PRINCIPAL = `arn:aws[a-z-]*:iam::${ACCOUNT}:(root|(role|user)/[A-Za-z0-9_+=,.@*/-]+)`;

// A role that tasks can have, with its path, and with * for any characters of its name. The path
// /devops-ecs/ has the roles of all applications, which read the secrets of these applications.
const TASK_ROLE =
  `arn:aws[a-z-]*:iam::${ACCOUNT}:role/(?!devops-ecs/)` +
  '([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@*-]+';
// KMS Developer Guide, "Key ARN"; the ids of multi-Region keys begin with mrk-. The Resource of a policy
// cannot name a key by its alias ("Specifying KMS keys in IAM policy statements").
const KMS_KEY = `arn:aws[a-z-]*:kms:${REGION}:${ACCOUNT}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})`;
// The key of taskroles for the roles of all teams; no team has this name.
const ALL_TEAMS = '*';

/** Whether a text is a CIDR range of IP addresses; the range of all addresses is not accepted. */
function isCidr(range) {
  const [address, length, ...more] = range.split('/');
  const most = { 4: 32, 6: 128 }[net.isIP(address)];
  return more.length === 0 && /^[1-9][0-9]{0,2}$/.test(length) && Number(length) <= most;
}

/** The schema of a kind of name that requests have as well; with its own message or theirs. */
function named({ pattern, message, longest, form }, description) {
  const normal = form ? { format: form } : {};
  const advice = description ? { description } : { fault: message };
  return { type: 'string', pattern, maxLength: longest, ...normal, ...advice };
}

const text = (pattern, description) => ({ type: 'string', pattern: `^(${pattern})$`, description });
// Not a FIFO topic (.fifo), which cannot deliver to e-mail or phones (SNS Developer Guide).
const topic = (name) =>
  text(
    `|arn:aws[a-z-]*:sns:${REGION}:${ACCOUNT}:[A-Za-z0-9_-]{1,256}`,
    `the ARN of a standard SNS topic, as in arn:aws:sns:eu-west-1:012345678901:${name}`,
  );
const choice = (values, description) => ({ type: 'string', enum: values.map(String), description });
const callers = (description) => ({
  type: 'array',
  uniqueItems: true,
  items: {
    type: 'string',
    pattern: `^(${CALLER})$`,
    fault:
      'is not a caller: use the ARN of an IAM role without its path or of an IAM user, with a name ' +
      'of letters, digits or _+=,.@- and with * for any characters, or the id of an API key',
  },
  description: `${description}, as in ["arn:aws:iam::012345678901:role/payments-*"]`,
});
const subnet = (what) =>
  text(`subnet-${EC2_ID}`, `the id of ${what}, as in subnet-0123456789abcdef0`);
// Together with the two required ones at most eight; no region has as many zones.
const furtherSubnets = (what) => ({
  type: 'array',
  uniqueItems: true,
  maxItems: 6,
  items: { type: 'string', pattern: `^subnet-${EC2_ID}$` },
  description: `a list of at most six ids of further subnets for ${what}, as in [subnet-0123456789abcdef0]`,
});
const securityGroup = (what) =>
  text(`sg-${EC2_ID}`, `the id of the security group of ${what}, as in sg-0123456789abcdef0`);

const required = {
  apiname: text(
    '[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}',
    'a name for the REST API of 1 to 100 letters, digits, spaces, ., _ or -, as in devops-ecs',
  ),
  // 20 characters, because the stage is part of function names, which have at most 64.
  stage: text(
    '[A-Za-z0-9][A-Za-z0-9-]{0,19}',
    'the API stage of 1 to 20 letters, digits or -, as in dev',
  ),
  accountid: text(ACCOUNT, 'the AWS account number, 12 digits in quotes, as in "012345678901"'),
  vpc: text(`vpc-${EC2_ID}`, 'the id of the VPC, as in vpc-0123456789abcdef0'),
  subnet1: subnet('a subnet for the tasks'),
  subnet2: subnet('a second subnet for the tasks'),
  elbsubnet1: subnet('a subnet for the load balancers'),
  elbsubnet2: subnet('a subnet for the load balancers in another availability zone'),
  sg: securityGroup('the tasks'),
  elbsg: securityGroup('the load balancers'),
  region: text(REGION, 'the AWS region, as in eu-west-1'),
  repouri: named(
    names.image,
    'the image new applications start with, in lower case except its tag, as in ' +
      'public.ecr.aws/team/app:1.0',
  ),
  cftemplate: text(
    TEMPLATE_URLS.join('|').replace(/\?<(bucket|key)>/g, ''),
    'the S3 URL of the application template, as in s3://bucket/application.yml',
  ),
};

const optional = {
  subnets: furtherSubnets('the tasks'),
  elbsubnets: furtherSubnets('the load balancers'),
  publicurl: text(
    '|https?://[^\\s/]+(/[^\\s/]+)*',
    'a URL without a slash at the end, or leave it out',
  ),
  requiredtags: {
    type: 'array',
    uniqueItems: true,
    items: named(names.tagKey),
    description: 'a list of tag keys, as in [costCenter, dataClass]',
  },
  maxvcpus: text('|[1-9][0-9]{0,4}', 'a number of vCPUs for one application, or leave it out'),
  logretentiondays: choice(RETENTION_DAYS, `a number of days: ${RETENTION_DAYS.join(', ')}`),
  productionscheme: choice(['internal', 'internet-facing'], 'internal or internet-facing'),
  certificatearn: text(
    `|arn:aws[a-z-]*:acm:${REGION}:${ACCOUNT}:certificate/[0-9a-f-]+`,
    'the ARN of an ACM certificate, as in arn:aws:acm:eu-west-1:012345678901:certificate/...',
  ),
  datastores: choice(['create', 'existing'], 'create or existing'),
  containerlogs: choice(['true', 'false'], 'true or false'),
  templatewriters: {
    type: 'array',
    uniqueItems: true,
    // A bucket policy has at most 20 KB (Amazon S3 User Guide, "Bucket policies").
    maxItems: 20,
    items: {
      type: 'string',
      maxLength: 512,
      pattern: `^${PRINCIPAL}$`,
      fault:
        'is not a principal: use the ARN of an IAM role or user with its path of letters, digits or ' +
        '_+=,.@/-, and with * for any characters, or the ARN of the root of the account',
    },
    description:
      'a list of at most 20 IAM roles and users with their paths, ' +
      'as in ["arn:aws:iam::012345678901:role/ci/deploy-*"]',
  },
  namedroles: choice(['true', 'false'], 'true or false'),
  auth: choice(['iam', 'apikey', 'none'], 'iam, apikey or none'),
  apikeys: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      fault:
        'is not a name of an API key: use 1 to 64 letters, digits, ., _ or -, and begin with a ' +
        'letter or digit',
    },
    description: 'a list of names, one for each key, as in [payments-ci, shop-ci]',
  },
  allowedcidrs: {
    type: 'array',
    uniqueItems: true,
    items: { type: 'string', format: 'cidr' },
    description: 'a list of address ranges, not of all addresses, as in [203.0.113.0/24]',
  },
  allowedregistries: {
    type: 'array',
    uniqueItems: true,
    // The list is in an environment variable of each function (4 KB for all variables). The longest
    // host of an ECR has 62 characters.
    maxItems: 10,
    items: {
      type: 'string',
      maxLength: 70,
      pattern: `^(\\*|${REGISTRY_HOST})$`,
      fault:
        'is not the host of a registry: use small letters, digits, . or -, with a dot or a port, or ' +
        '"*" for every registry except ECR',
    },
    description:
      'a list of at most 10 registries, as in [ghcr.io], or "*" for every registry except ECR',
  },
  vpcendpoint: text(
    `|vpce-${EC2_ID}`,
    'the id of a VPC endpoint for execute-api, as in vpce-0123456789abcdef0',
  ),
  ratelimit: text(RATE, 'a number of requests a second, 1 to 10000'),
  burstlimit: text(BURST, 'a number of requests at once, 1 to 5000'),
  // With 1 no call could wait.
  apiconcurrency: text('|[2-9]|[1-9][0-9]{1,3}', 'a number of executions, 2 to 9999'),
  webacl: text(
    `none|create|arn:aws[a-z-]*:wafv2:${REGION}:${ACCOUNT}:regional/webacl/[A-Za-z0-9_-]+/[0-9a-f-]+`,
    'none, create, or the ARN of a regional web ACL',
  ),
  gatewaylogrole: choice(['create', 'existing'], 'create or existing'),
  alarmtopic: topic('alarms'),
  notifytopic: topic('operations'),
  slackwebhook: text(
    // Names of secrets end with six random characters (Secrets Manager User Guide).
    `|arn:aws[a-z-]*:secretsmanager:${REGION}:${ACCOUNT}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}`,
    'the complete ARN of a secret in Secrets Manager that has the URL of a Slack webhook as its text',
  ),
  teams: {
    type: 'object',
    propertyNames: named(names.team),
    additionalProperties: callers('a list of callers'),
    description: 'a list of callers for each team, as in {payments: ["arn:aws:iam::...:role/..."]}',
  },
  admins: callers('a list of callers'),
  productionapprovers: callers('a list of callers'),
  selfapproval: choice(['true', 'false'], 'true or false'),
  secretprefixes: {
    type: 'object',
    propertyNames: named(names.team),
    additionalProperties: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      // IAM would interpret other characters of a prefix: the wildcards * and ?, and the policy
      // variables that begin with $ (IAM User Guide, "Policy variables").
      items: named(names.secretPrefix),
    },
    description:
      'a list of beginnings of names for each team, without *, ? and $, as in {payments: [payments/]}',
  },
  secretkeys: {
    type: 'array',
    uniqueItems: true,
    // The list is in an environment variable of each function (4 KB for all variables), in the
    // permissions boundary (6,144 characters) and in policies of each role (10,240 characters).
    maxItems: 10,
    items: {
      type: 'string',
      pattern: `^${KMS_KEY}$`,
      fault: 'is not a KMS key: use the ARN of the key, not of an alias, which a policy cannot name',
    },
    description:
      'a list of at most 10 KMS keys, as in ["arn:aws:kms:eu-west-1:012345678901:key/..."]',
  },
  taskroles: {
    type: 'object',
    propertyNames: named({
      ...names.team,
      pattern: `^\\*$|${names.team.pattern}`,
      message: `${names.team.message}, or * for all teams`,
    }),
    additionalProperties: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: {
        type: 'string',
        pattern: `^${TASK_ROLE}$`,
        fault:
          'is not a task role: use the ARN of an IAM role with its path of letters, digits or ' +
          '_+=,.@/-, not the path /devops-ecs/, and with * for any characters of the name',
      },
    },
    description:
      'a list of IAM roles for each team, ' +
      'as in {payments: ["arn:aws:iam::012345678901:role/payments-*"]}',
  },
  ecsexec: choice(['true', 'false'], 'true or false'),
};

module.exports = {
  ALL_TEAMS,
  defaults: {
    subnets: [],
    elbsubnets: [],
    publicurl: '',
    requiredtags: [],
    maxvcpus: '',
    logretentiondays: '30',
    productionscheme: 'internal',
    certificatearn: '',
    datastores: 'create',
    containerlogs: 'true',
    templatewriters: [],
    namedroles: 'false',
    auth: 'iam',
    apikeys: ['default'],
    allowedcidrs: [],
    allowedregistries: [ANY_OTHER],
    vpcendpoint: '',
    ratelimit: '50',
    burstlimit: '100',
    apiconcurrency: '',
    webacl: 'none',
    gatewaylogrole: 'create',
    alarmtopic: '',
    notifytopic: '',
    slackwebhook: '',
    teams: {},
    admins: [],
    productionapprovers: [],
    selfapproval: 'true',
    secretprefixes: {},
    secretkeys: [],
    taskroles: {},
    ecsexec: 'false',
  },
  formats: { cidr: isCidr, NFC: (name) => name === name.normalize('NFC') },
  schema: {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  },
  templateUrls: TEMPLATE_URLS.map((pattern) => new RegExp(`^${pattern}$`)),
};
