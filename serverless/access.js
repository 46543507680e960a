'use strict';

// Access control: translates auth, apikeys, allowedcidrs and vpcendpoint to settings of API
// Gateway, and teams, admins, productionapprovers, secretprefixes, taskroles and selfapproval to a
// policy for the functions.

const INVOKE = { Action: 'execute-api:Invoke', Resource: 'execute-api:/*' };

/** Settings of the REST API; osls leaves out a setting that is null. */
function gateway({ auth, apikeys, vpcendpoint, ratelimit, burstlimit, webacl, ...network }) {
  const withKeys = auth === 'apikey';
  const limits = { rateLimit: Number(ratelimit), burstLimit: Number(burstlimit) };
  return {
    authorizer: auth === 'iam' ? 'aws_iam' : null,
    keyrequired: withKeys,
    keys: withKeys ? apikeys : null,
    usageplan: withKeys ? { throttle: limits } : null,
    endpointtype: vpcendpoint ? 'PRIVATE' : 'REGIONAL',
    vpcendpoints: vpcendpoint ? [vpcendpoint] : null,
    webacl: ['none', 'create'].includes(webacl) ? webacl : 'other',
    resourcepolicy: resourcePolicy(auth, { vpcendpoint, ...network }),
    ...limits,
  };
}

/**
 * The statements of the API's resource policy, or null.
 *
 * With IAM it has only Deny statements, because an Allow would give access to every identity of the
 * account, independent of the identity's own policy. Without IAM an Allow is required, otherwise
 * API Gateway refuses every caller (API Gateway Developer Guide, "How API Gateway resource policies
 * affect authorization workflow").
 */
function resourcePolicy(auth, { vpcendpoint, allowedcidrs }) {
  const refusals = [];
  if (vpcendpoint) refusals.push({ StringNotEquals: { 'aws:SourceVpce': vpcendpoint } });
  if (allowedcidrs.length > 0) {
    // Calls through a VPC endpoint have the address of the caller in another condition key.
    const address = vpcendpoint ? 'aws:VpcSourceIp' : 'aws:SourceIp';
    refusals.push({ NotIpAddress: { [address]: allowedcidrs } });
  }
  if (refusals.length === 0) return null;
  const statements = refusals.map((Condition) => ({ ...statement('Deny'), Condition }));
  return auth === 'iam' ? statements : [statement('Allow'), ...statements];
}

const statement = (Effect) => ({ Effect, Principal: '*', ...INVOKE });

/** The access policy for the functions as JSON; empty if all callers have all rights. */
function accessPolicy({ teams, admins, productionapprovers, selfapproval, ...values }) {
  const rules = {
    teams,
    admins,
    productionApprovers: productionapprovers,
    secretPrefixes: values.secretprefixes,
    taskRoles: values.taskroles,
    ...(selfapproval === 'false' ? { selfApproval: false } : {}),
  };
  const given = Object.values(rules).some((rule) => rule === false || Object.keys(rule).length > 0);
  return given ? JSON.stringify(rules) : '';
}

module.exports = { accessPolicy, gateway };
