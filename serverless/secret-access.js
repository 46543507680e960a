'use strict';

// With `teams`, lets the roles of an application read only the secrets of its team: replaces the
// statement ReadSecrets of the permissions boundary. It also stops a deploy with a boundary that is
// too long for IAM.

const BOUNDARY = 'TaskBoundary';
const SID = 'ReadSecrets';
const TEAM_TAG = 'technicalTeam';
const PRINCIPAL = `aws:PrincipalTag/${TEAM_TAG}`;
// Characters of a managed policy without white space between its members (IAM User Guide, "IAM and STS
// character limits").
const LONGEST = 6144;
// The partitions of regions by the beginning of their names; all others are in "aws".
const PARTITIONS = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['us-iso-', 'aws-iso'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
];

/** Plugin for osls; reads teams and secretprefixes of custom.parameters. */
module.exports = class SecretAccess {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.restrict(),
    };
  }

  restrict() {
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

/** The resources whose names begin with a prefix, of resources that end with a wildcard. */
function beginning(resources, prefix) {
  return resources.map(({ 'Fn::Sub': arn }) => ({ 'Fn::Sub': arn.replace(/\*$/, `${prefix}*`) }));
}

/** The number of characters of a policy for IAM, including the spaces of texts. */
function characters(policy, { accountid, region }) {
  const [, partition] = PARTITIONS.find(([start]) => region.startsWith(start)) ?? [, 'aws'];
  const values = { Partition: partition, Region: region, AccountId: accountid };
  const text = JSON.stringify(policy, (_, value) =>
    value?.['Fn::Sub'] === undefined
      ? value
      : value['Fn::Sub'].replace(/\$\{AWS::(\w+)\}/g, (all, name) => values[name] ?? all),
  );
  return text.length;
}
