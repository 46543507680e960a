'use strict';

const { ALL_TEAMS, templateUrls } = require('./parameters-schema');
const { partitionOf } = require('./partitions');
const { isAllowed } = require('./registries');

// Checks of parameters.yml that involve several values. Each check receives the values that are
// valid by themselves; other values are undefined.

// Lambda limits all environment variables of a function to 4 KB (AWS Lambda quotas); the other
// variables need less than half of it.
const LONGEST_ACCESS_POLICY = 2000;
// The inline policies of a role have at most 10,240 characters (IAM User Guide, "IAM and STS character
// limits"). The roles of the functions need most of them.
const LONGEST_TASK_ROLES = 1000;

function sameSubnets(values) {
  return ['', 'elb'].flatMap((prefix) => {
    const keys = [`${prefix}subnet1`, `${prefix}subnet2`];
    const [first, second] = keys.map((key) => values[key]);
    const further = values[`${prefix}subnets`] ?? [];
    return [
      ...(first && first === second
        ? [`${keys[1]}: is the same as ${keys[0]}; write another subnet`]
        : []),
      ...keys
        .filter((key) => further.includes(values[key]))
        .map((key) => `${prefix}subnets: contains ${key}; write only further subnets`),
    ];
  });
}

function refusedImage({ repouri, accountid, region, allowedregistries }) {
  if (!repouri || !accountid || !region || !allowedregistries) return [];
  if (isAllowed(repouri, { accountid, region, allowedregistries })) return [];
  // The execution role of an application reads only the ECR registries of allowedregistries.
  return [
    'repouri: is not in the ECR of accountid and region, and allowedregistries does not allow its ' +
      'registry; copy the image to this ECR, or add the registry to allowedregistries',
  ];
}

/**
 * ARNs of resources that must be in the region and account of the service. EventBridge sends to a topic
 * of another account only with a role; for a topic of the same account a role must be absent
 * (EventBridge User Guide, "Sending events to an AWS service in another account" and "Using
 * resource-based policies").
 */
function foreignArns({ region, accountid, ...values }) {
  if (!region || !accountid) return [];
  return ['certificatearn', 'webacl', 'notifytopic']
    .filter((key) => values[key]?.startsWith('arn:'))
    .filter((key) => values[key].split(':').slice(3, 5).join() !== `${region},${accountid}`)
    .map((key) => `${key}: is not in region and accountid; write one that is`);
}

/** The secrets of other regions have keys of these regions. A key can belong to another account. */
function foreignKeys({ region, secretkeys = [] }) {
  if (!region) return [];
  const start = `arn:${partitionOf(region)}:kms:${region}:`;
  if (secretkeys.every((arn) => arn.startsWith(start))) return [];
  return [`secretkeys: contains a key that is not in region; write ARNs that begin with ${start}`];
}

/** Principals of other accounts, and templates in a bucket whose policy another stack writes. */
function unprotectedTemplate({ accountid, region, cftemplate, datastores, templatewriters = [] }) {
  if (templatewriters.length === 0 || !accountid || !region || !cftemplate) return [];
  const bucket = `ecs-cf-bucket-${accountid}-${region}`;
  const found = templateUrls.map((url) => url.exec(cftemplate)).find(Boolean);
  return [
    ...(templatewriters.every((arn) => arn.split(':')[4] === accountid)
      ? []
      : ['templatewriters: contains a principal that is not in accountid; write one that is']),
    ...(datastores === 'existing' || found.groups.bucket !== bucket
      ? [
          `templatewriters: this installation does not write the policy of the bucket of cftemplate; ` +
            `use datastores create and the bucket ${bucket}, or leave it out`,
        ]
      : []),
  ];
}

/**
 * CloudWatch sends only to topics of the same region, and CloudFormation reads only secrets of the same
 * region; the account may differ.
 */
function foreignTargets({ region, ...values }) {
  if (!region) return [];
  return ['alarmtopic', 'slackwebhook']
    .filter((key) => values[key] && values[key].split(':')[3] !== region)
    .map((key) => `${key}: is not in region; write one that is`);
}

function openAccess({ auth, allowedcidrs, vpcendpoint }) {
  if (auth !== 'none' || !allowedcidrs || allowedcidrs.length > 0 || vpcendpoint !== '') return [];
  return ['auth: none accepts every caller; write allowedcidrs or vpcendpoint as well, or iam'];
}

/** Callers in a form that `auth` does not support. */
function unknownCallers({ auth, teams = {}, admins = [], productionapprovers = [] }) {
  const lists = { teams: Object.values(teams).flat(), admins, productionapprovers };
  const kinds = {
    iam: [(caller) => caller.startsWith('arn:'), 'with auth iam callers are ARNs of IAM'],
    apikey: [(caller) => !caller.startsWith('arn:'), 'with auth apikey callers are ids of API keys'],
    none: [() => false, 'with auth none callers are not identified; leave it out'],
  };
  if (!kinds[auth]) return [];
  const [known, advice] = kinds[auth];
  return Object.entries(lists)
    .filter(([, callers]) => !callers.every(known))
    .map(([key]) => `${key}: ${advice}`);
}

/** Lists that are too long for the environment variables of the functions. */
function longPolicy({ teams = {}, admins = [], productionapprovers = [], ...values }) {
  const { secretprefixes = {}, secretkeys = [], taskroles = {} } = values;
  const lists = [teams, admins, productionapprovers, secretprefixes, secretkeys, taskroles];
  const size = Buffer.byteLength(JSON.stringify(lists));
  if (size <= LONGEST_ACCESS_POLICY) return [];
  return [
    'teams: together with admins, productionapprovers, secretprefixes, secretkeys and taskroles it ' +
      `has ${size} bytes, and the limit is ${LONGEST_ACCESS_POLICY}; write shorter lists, with * in ` +
      'the place of names of callers and roles',
  ];
}

/** Task roles that are too long for the policies of the functions, in which each is once. */
function longTaskRoles({ taskroles = {} }) {
  const size = JSON.stringify([...new Set(Object.values(taskroles).flat())]).length;
  if (size <= LONGEST_TASK_ROLES) return [];
  return [
    `taskroles: has ${size} characters, and the limit is ${LONGEST_TASK_ROLES}; write fewer or ` +
      'shorter roles, with * in the place of their names',
  ];
}

function unidentifiedApprovers({ auth, selfapproval }) {
  if (auth !== 'none' || selfapproval !== 'false') return [];
  return ['selfapproval: with auth none callers are not identified; leave it out'];
}

function unknownTeams({ teams, secretprefixes = {}, taskroles = {} }) {
  if (!teams) return [];
  // Without teams the name of a team is only a tag of applications.
  const withTeams = Object.keys(teams).length > 0;
  const named = {
    secretprefixes: Object.keys(secretprefixes),
    taskroles: Object.keys(taskroles).filter((team) => withTeams && team !== ALL_TEAMS),
  };
  return Object.entries(named).flatMap(([key, given]) =>
    given
      .filter((team) => !Object.hasOwn(teams, team))
      .map((team) => `${key}: ${team} is not in teams; write the team there too`),
  );
}

/** ECS accepts only task roles of the account of the task. */
function foreignTaskRoles({ accountid, taskroles = {} }) {
  const roles = Object.values(taskroles).flat();
  if (!accountid || roles.every((arn) => arn.split(':')[4] === accountid)) return [];
  return ['taskroles: contains a role that is not in accountid; write one that is'];
}

/** Teams that a policy cannot name: it has only characters of Latin-1 (IAM API, CreatePolicy). */
function unnameableTeams({ secretprefixes = {} }) {
  return Object.keys(secretprefixes)
    .filter((team) => /[^\u0020-\u00ff]/.test(team))
    .map(
      (team) =>
        `secretprefixes: an IAM policy cannot contain the name ${team}, which has characters after ` +
        'U+00FF; leave the team out, and give its secrets the tag technicalTeam',
    );
}

const CHECKS = [
  sameSubnets,
  refusedImage,
  foreignArns,
  foreignKeys,
  unprotectedTemplate,
  foreignTargets,
  openAccess,
  unknownCallers,
  longPolicy,
  unknownTeams,
  unnameableTeams,
  foreignTaskRoles,
  longTaskRoles,
  unidentifiedApprovers,
];

/** Return the contradictions between the valid values of parameters.yml. */
exports.contradictions = (values) => CHECKS.flatMap((check) => check(values));
