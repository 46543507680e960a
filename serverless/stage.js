'use strict';

// Replaces the stage of the API by the stage in serverless/stage.yml. osls makes the deployment
// create the stage, and such a stage cannot have a log or limits in the template.
//
// It also stops a deploy that would replace the role with which the other APIs of the account write
// their logs, and a deploy with the name of another API: osls looks an API up by its name, so it would
// tag, or create, the stage of that API.

const { APIGatewayClient, GetAccountCommand, paginateGetRestApis } = require('@aws-sdk/client-api-gateway');
const { physicalId } = require('./stack-resource');

const STAGE = 'ApiGatewayStage';
const DEPLOYMENT = 'AWS::ApiGateway::Deployment';
// osls makes them depend on the deployment, but they need the stage.
const ON_THE_STAGE = ['AWS::ApiGateway::ApiKey', 'AWS::ApiGateway::UsagePlan'];

/** Plugin for osls; reads custom.parameters.gatewaylogrole. */
module.exports = class Stage {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.replaceStage(),
      'before:deploy:deploy': async () => {
        await this.refuseOtherApi();
        await this.refuseOtherLogRole();
      },
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

  async gateway() {
    return new APIGatewayClient(await this.serverless.getProvider('aws').getAwsSdkV3Config());
  }

  async refuseOtherApi() {
    const { apiname } = this.serverless.service.custom.parameters;
    const own = await physicalId(this.serverless.getProvider('aws'), 'ApiGatewayRestApi');
    for await (const { items = [] } of paginateGetRestApis({ client: await this.gateway() }, {})) {
      const other = items.find(({ id, name }) => name === apiname && id !== own);
      if (other) {
        throw new this.serverless.classes.Error(
          `apiname: the API ${other.id} of this account and region has the name ${apiname} too. ` +
            'Write another name.',
          'API_NAME_EXISTS',
        );
      }
    }
  }

  async refuseOtherLogRole() {
    if (this.serverless.service.custom.parameters.gatewaylogrole !== 'create') return;
    const provider = this.serverless.getProvider('aws');
    const gateway = await this.gateway();
    const { cloudwatchRoleArn: role } = await gateway.send(new GetAccountCommand({}));
    if (!role || role.endsWith(`/${await physicalId(provider, 'GatewayLogRole')}`)) return;
    throw new this.serverless.classes.Error(
      `gatewaylogrole: the APIs of this account and region already write their logs with ${role}. ` +
        'Write existing to use this role.',
      'GATEWAY_LOG_ROLE_EXISTS',
    );
  }
};
