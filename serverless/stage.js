'use strict';

// Lets the stage of serverless/stage.yml be the stage of the API. osls has the deployment make a
// stage of that name, and cannot give it a log or limits in the template.
//
// And it says before a deploy what would be a surprise after it: that the deploy puts a role of its
// own in the place of the one with which the account's other APIs write their logs.

const { APIGatewayClient, GetAccountCommand } = require('@aws-sdk/client-api-gateway');
const { physicalId } = require('./stack-resource');

const STAGE = 'ApiGatewayStage';
const DEPLOYMENT = 'AWS::ApiGateway::Deployment';
// osls lets them wait for the deployment; they need the stage.
const ON_THE_STAGE = ['AWS::ApiGateway::ApiKey', 'AWS::ApiGateway::UsagePlan'];

/** Plugin for osls; reads custom.parameters.gatewaylogrole. */
module.exports = class Stage {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.replaceStage(),
      'before:deploy:deploy': () => this.refuseOtherLogRole(),
    };
  }

  replaceStage() {
    const { Resources } = this.serverless.service.provider.compiledCloudFormationTemplate;
    for (const [name, { Type, Properties }] of Object.entries(Resources)) {
      if (Type === DEPLOYMENT) {
        delete Properties.StageName;
        Resources[STAGE].Properties.DeploymentId = { Ref: name };
      }
      if (ON_THE_STAGE.includes(Type)) Resources[name].DependsOn = STAGE;
    }
  }

  async refuseOtherLogRole() {
    if (this.serverless.service.custom.parameters.gatewaylogrole !== 'create') return;
    const provider = this.serverless.getProvider('aws');
    const gateway = new APIGatewayClient(await provider.getAwsSdkV3Config());
    const { cloudwatchRoleArn: role } = await gateway.send(new GetAccountCommand({}));
    if (!role || role.endsWith(`/${await physicalId(provider, 'GatewayLogRole')}`)) return;
    throw new this.serverless.classes.Error(
      `gatewaylogrole: the APIs of this account and region write their logs with ${role} already. ` +
        'Write existing to use it here, too.',
      'GATEWAY_LOG_ROLE_EXISTS',
    );
  }
};
