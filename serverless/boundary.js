'use strict';

// Adapts the permissions boundary to parameters.yml. With `teams`, the roles of an application can read
// only the secrets of its team; with `secretkeys` they can decrypt secrets with these keys; with `ecsexec`
// a task role of a custom template can have the permissions for ECS Exec. It also stops a deploy with a
// boundary that is too long for IAM.

const { partitionOf } = require('./partitions');

const BOUNDARY = 'TaskBoundary';
const SID = 'ReadSecrets';
const TEAM_TAG = 'technicalTeam';
const PRINCIPAL = `aws:PrincipalTag/${TEAM_TAG}`;
// Characters of a managed policy without white space between its members (IAM User Guide, "IAM and STS
// character limits").
const LONGEST = 6144;

/** Plugin for osls; reads teams, secretprefixes, secretkeys and ecsexec of custom.parameters. */
module.exports = class Boundary {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.adapt(),
    };
  }

  adapt() {
    const { custom, provider } = this.serverless.service;
    const { Resources } = provider.compiledCloudFormationTemplate;
    const { PolicyDocument } = Resources[BOUNDARY].Properties;
    if (Object.keys(custom.parameters.teams).length > 0) {
      const statement = PolicyDocument.Statement.find(({ Sid }) => Sid === SID);
      if (!statement) {
        throw new this.serverless.classes.Error(
          `serverless/task-boundary.yml lacks the statement ${SID}, which teams restricts.`,
          'BOUNDARY_WITHOUT_SECRETS',
        );
      }
      const others = PolicyDocument.Statement.filter((each) => each !== statement);
      PolicyDocument.Statement = [...others, ...ofTeams(statement, custom.parameters)];
    }
    PolicyDocument.Statement.push(...decryption(custom.parameters), ...exec(custom.parameters));
    const size = characters(PolicyDocument, custom.parameters);
    if (size <= LONGEST) return;
    throw new this.serverless.classes.Error(
      `secretprefixes: the permissions boundary has ${size} characters, and IAM allows ${LONGEST}. ` +
        `Write fewer or shorter prefixes, or give the secrets the tag ${TEAM_TAG} instead.`,
      'BOUNDARY_TOO_LONG',
    );
  }
};

/**
 * The statements of the teams: one for the secrets with the tag of the application's team, and one
 * for the prefixes of each team. If a role has no team, the policy variable has no value, and the
 * statement does not apply (IAM User Guide, "Policy variables with no value").
 */
function ofTeams(statement, { secretprefixes }) {
  const { Effect, Action, Resource } = statement;
  const own = { StringEquals: { [`aws:ResourceTag/${TEAM_TAG}`]: `\${${PRINCIPAL}}` } };
  const named = Object.entries(secretprefixes).map(([team, prefixes]) => ({
    Effect,
    Action,
    Resource: prefixes.flatMap((prefix) => beginning(Resource, prefix)),
    Condition: { StringEquals: { [PRINCIPAL]: team } },
  }));
  return [{ ...statement, Condition: own }, ...named];
}

/**
 * The statement for customer managed keys, none without keys. ECS needs kms:Decrypt only for them (ECS
 * Developer Guide, "Amazon ECS task execution IAM role"): the policies of the keys of AWS allow it to
 * all principals of the account (Systems Manager User Guide, "Restricting decryption of SecureString
 * parameter values").
 *
 * With kms:ViaService a role can use a key only to read a secret (KMS Developer Guide, "kms:ViaService").
 * The end of its value differs between partitions.
 */
function decryption({ secretkeys }) {
  if (secretkeys.length === 0) return [];
  const via = ['secretsmanager', 'ssm'].map((name) => ({ 'Fn::Sub': `${name}.\${AWS::Region}.*` }));
  return [
    {
      Sid: 'DecryptSecrets',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: secretkeys,
      Condition: { StringLike: { 'kms:ViaService': via } },
    },
  ];
}

/**
 * The statement for ECS Exec (ECS Developer Guide, "Task IAM role", "ECS Exec permissions"). SSM has no
 * resource-level permissions for these actions.
 */
function exec({ ecsexec }) {
  if (ecsexec !== 'true') return [];
  const channels = ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'];
  const Action = channels.map((name) => `ssmmessages:${name}`);
  return [{ Sid: 'ExecuteCommands', Effect: 'Allow', Action, Resource: '*' }];
}

/** The resources whose names begin with a prefix, of resources that end with a wildcard. */
function beginning(resources, prefix) {
  return resources.map(({ 'Fn::Sub': arn }) => ({ 'Fn::Sub': arn.replace(/\*$/, `${prefix}*`) }));
}

/** The number of characters of a policy for IAM, including the spaces of texts. */
function characters(policy, { accountid, region }) {
  const values = { Partition: partitionOf(region), Region: region, AccountId: accountid };
  const text = JSON.stringify(policy, (_, value) =>
    value?.['Fn::Sub'] === undefined
      ? value
      : value['Fn::Sub'].replace(/\$\{AWS::(\w+)\}/g, (all, name) => values[name] ?? all),
  );
  return text.length;
}
