'use strict';

// Who gets through to the functions: what auth, apikeys, allowedcidrs and vpcendpoint mean for API
// Gateway, and teams, admins and productionapprovers for the functions.

const INVOKE = { Action: 'execute-api:Invoke', Resource: 'execute-api:/*' };

/** Settings of the REST API; null where osls is to leave a setting out. */
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
 * With IAM there is nothing but refusals: an Allow would let every identity of the account in,
 * whatever its own policy says. Without IAM there must be one, or nobody gets in (API Gateway
 * Developer Guide, "How API Gateway resource policies affect authorization workflow").
 */
function resourcePolicy(auth, { vpcendpoint, allowedcidrs }) {
  const refusals = [];
  if (vpcendpoint) refusals.push({ StringNotEquals: { 'aws:SourceVpce': vpcendpoint } });
  if (allowedcidrs.length > 0) {
    // Behind an endpoint in a VPC the caller's address is in another key.
    const address = vpcendpoint ? 'aws:VpcSourceIp' : 'aws:SourceIp';
    refusals.push({ NotIpAddress: { [address]: allowedcidrs } });
  }
  if (refusals.length === 0) return null;
  const statements = refusals.map((Condition) => ({ ...statement('Deny'), Condition }));
  return auth === 'iam' ? statements : [statement('Allow'), ...statements];
}

const statement = (Effect) => ({ Effect, Principal: '*', ...INVOKE });

/** What the functions are told of who may change what, as JSON; empty when everybody may. */
function accessPolicy({ teams, admins, productionapprovers: productionApprovers }) {
  const rules = { teams, admins, productionApprovers };
  const given = Object.values(rules).some((rule) => Object.keys(rule).length > 0);
  return given ? JSON.stringify(rules) : '';
}

module.exports = { accessPolicy, gateway };
