'use strict';

// Stops a deploy if its credentials cannot upload the application template: with `templatewriters`,
// the policy of the template bucket denies writes to all other principals (datastores.yml).

const { GetRoleCommand, IAMClient } = require('@aws-sdk/client-iam');

const SESSION = /^arn:[a-z-]+:sts::[0-9]+:assumed-role\/(?<role>[^/]+)\//;

/** Plugin for osls; reads custom.parameters.templatewriters. */
module.exports = class CheckWriter {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { 'before:deploy:deploy': () => this.check() };
  }

  async check() {
    const { templatewriters } = this.serverless.service.custom.parameters;
    if (templatewriters.length === 0) return;
    const principal = await this.principal();
    if (templatewriters.some((pattern) => isLike(principal, pattern))) return;
    throw this.failure(
      `does not contain ${principal}, whose credentials run this deploy. A deploy uploads the ` +
        'application template. Add this principal, or choose other credentials (AWS_PROFILE).',
    );
  }

  /**
   * The value of aws:PrincipalArn for the credentials of the deploy. For the session of a role it is
   * the ARN of the role with its path, which the ARN of the session lacks.
   */
  async principal() {
    const provider = this.serverless.getProvider('aws');
    const { arn } = await provider.getAccountInfo();
    const session = SESSION.exec(arn);
    if (!session) return arn;
    const { role: RoleName } = session.groups;
    const iam = new IAMClient(await provider.getAwsSdkV3Config());
    try {
      return (await iam.send(new GetRoleCommand({ RoleName }))).Role.Arn;
    } catch (error) {
      throw this.failure(
        `the path of the role ${RoleName}, whose credentials run this deploy, is not known. ` +
          `Allow iam:GetRole for this role (${error.name}).`,
      );
    }
  }

  failure(text) {
    return new this.serverless.classes.Error(`templatewriters: ${text}`, 'NOT_A_TEMPLATE_WRITER');
  }
};

/** Whether ArnLike accepts an ARN; `*` matches any characters of a part, also slashes. */
function isLike(arn, pattern) {
  const parts = pattern.split('*').map((part) => part.replace(/[.+]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^:]*')}$`).test(arn);
}
