'use strict';

// Reserves executions for the reconcile function, so that waiting calls and other functions of the
// account cannot stop it, and limits the functions of the API to `apiconcurrency`. Lambda requires that
// at least 100 executions remain unreserved (Lambda API, PutFunctionConcurrency), and a new account has
// less than 1,000 (Lambda Developer Guide, "Lambda quotas"), often 10. A reservation that is not possible
// is left out, because it would fail the deploy. Each function gets the number of calls that can wait at
// the same time.

const {
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  LambdaClient,
} = require('@aws-sdk/client-lambda');

const RECONCILE = 'reconcile';
// Two runs of the schedule, the drift check, and events. Lambda repeats throttled events.
const FOR_RECONCILE = 10;
// Executions that must remain unreserved.
const UNRESERVED = 100;

/** Plugin for osls; reads custom.parameters.apiconcurrency, changes the compiled template. */
module.exports = class Concurrency {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.hooks = { 'before:deploy:deploy': () => this.apply() };
  }

  async apply() {
    const { service } = this.serverless;
    const lambda = new LambdaClient(await this.serverless.getProvider('aws').getAwsSdkV3Config());
    const names = Object.keys(service.functions);
    const available = await availableExecutions(lambda, Object.values(service.functions));
    if (available === undefined) {
      this.log.warning(
        'Reserved no executions and limited no waiting calls: the permissions ' +
          'lambda:GetAccountSettings and lambda:GetFunctionConcurrency are missing.',
      );
      return;
    }
    const limit = Number(service.custom.parameters.apiconcurrency);
    const { reserved, waiting } = planned(available, names, limit);
    const { Resources } = service.provider.compiledCloudFormationTemplate;
    const { naming } = this.serverless.getProvider('aws');
    for (const name of names) {
      const { Properties } = Resources[naming.getLambdaLogicalId(name)];
      if (reserved[name]) Properties.ReservedConcurrentExecutions = reserved[name];
      Properties.Environment.Variables.WAITING_LIMIT = String(waiting);
    }
    this.log.notice(described(available, reserved, waiting, limit));
  }
};

/**
 * The unreserved executions of the account and region, with those of the installed functions;
 * undefined without the permission to read them.
 */
async function availableExecutions(lambda, functions) {
  try {
    const [{ AccountLimit }, ...own] = await Promise.all([
      lambda.send(new GetAccountSettingsCommand({})),
      ...functions.map(({ name }) => reservation(lambda, name)),
    ]);
    return own.reduce((sum, each) => sum + each, AccountLimit.UnreservedConcurrentExecutions);
  } catch (error) {
    if (error.name === 'AccessDeniedException') return undefined;
    throw error;
  }
}

async function reservation(lambda, FunctionName) {
  try {
    const found = await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }));
    return found.ReservedConcurrentExecutions ?? 0;
  } catch (error) {
    // The first deploy.
    if (error.name === 'ResourceNotFoundException') return 0;
    throw error;
  }
}

const total = (reserved) => Object.values(reserved).reduce((sum, each) => sum + each, 0);

/** The reservation of each function that AWS permits, and half of the executions for waiting calls. */
function planned(available, names, limit) {
  const reconcile = { [RECONCILE]: FOR_RECONCILE };
  const api = names.filter((name) => name !== RECONCILE).map((name) => [name, limit]);
  const choices = [...(limit ? [{ ...Object.fromEntries(api), ...reconcile }] : []), reconcile];
  const reserved = choices.find((each) => available - total(each) >= UNRESERVED) ?? {};
  const shared = available - (reserved[RECONCILE] ?? 0);
  return { reserved, waiting: Math.floor(Math.min(limit || shared, shared) / 2) };
}

function described(available, reserved, waiting, limit) {
  const limited = Object.keys(reserved).length > 1;
  const missing = `: ${UNRESERVED} of ${available} available executions must remain unreserved`;
  const reconcile = reserved[RECONCILE]
    ? `Reserved ${FOR_RECONCILE} executions for ${RECONCILE}.`
    : `Reserved no executions for ${RECONCILE}${missing}.`;
  const api = limited
    ? ` Limited each function of the API to ${limit} executions.`
    : ` Did not limit the functions of the API to ${limit} executions${missing}.`;
  return `${reconcile}${limit ? api : ''} At most ${waiting} calls wait at the same time.`;
}
