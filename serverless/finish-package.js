'use strict';

// Makes cold starts faster: adds bytecode to the Lambda package, and service models of the AWS SDK
// with only the operations that the functions call. finish.py does the work.

const { execFile } = require('node:child_process');
const path = require('node:path');

const CACHE = 'node_modules/.cache/botocore';

/** Plugin for osls. */
module.exports = class FinishPackage {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.options = options;
    this.log = log;
    this.hooks = {
      'after:package:createDeploymentArtifacts': () => this.finish(),
      'after:deploy:function:packageFunction': () => this.finish(),
    };
  }

  async finish() {
    const { service, serviceDir } = this.serverless;
    const python = service.custom.python;
    const steps = ['-B', '-m', 'serverless.finish', this.artifact(), '--cache', CACHE];
    const warning = await this.run(python, [...steps, '--runtime', service.provider.runtime], {
      cwd: serviceDir,
    });
    if (warning.trim()) this.log.warning(warning.trim());
  }

  /** The path of the package: that of the service, or of a function that is deployed alone. */
  artifact() {
    const { service, serviceDir } = this.serverless;
    const alone = this.options.function && service.getFunction(this.options.function).package;
    return path.resolve(serviceDir, alone?.artifact ?? service.package.artifact);
  }

  /** Run a program and return its output; an error of the program fails the deploy. */
  run(program, args, options) {
    return new Promise((resolve, reject) => {
      execFile(program, args, options, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const text = `The package cannot be finished: ${stderr.trim() || error.message}`;
        return reject(new this.serverless.classes.Error(text, 'PACKAGE_NOT_FINISHED'));
      });
    });
  }
};
