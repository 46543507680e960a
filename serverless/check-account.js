'use strict';

// Stops a deploy or remove if the credentials belong to another account than `accountid`, because
// the names of the buckets and the permissions contain that number.

/** Plugin for osls; reads custom.parameters.accountid. */
module.exports = class CheckAccount {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { initialize: () => this.check() };
  }

  async check() {
    const [command, subcommand] = this.serverless.processedInput.commands;
    const changesAws = ['deploy', 'remove', 'rollback'].includes(command) && subcommand !== 'list';
    if (!changesAws) return;
    const expected = this.serverless.service.custom.parameters.accountid;
    const actual = await this.serverless.getProvider('aws').getAccountId();
    if (actual !== expected) {
      throw new this.serverless.classes.Error(
        `accountid: the parameters contain ${expected}, but the credentials belong to account ` +
          `${actual}. Correct accountid, or choose other credentials (AWS_PROFILE).`,
        'WRONG_ACCOUNT',
      );
    }
  }
};
