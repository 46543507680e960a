'use strict';

// What the stack of an installation has made before, for plugins that look before a deploy.

const { DescribeStackResourceCommand } = require('@aws-sdk/client-cloudformation');

/** The physical id of a resource; undefined when there is no stack, or no such resource in it. */
async function physicalId(provider, LogicalResourceId) {
  const StackName = provider.naming.getStackName();
  const resource = new DescribeStackResourceCommand({ StackName, LogicalResourceId });
  try {
    const { StackResourceDetail } = await (await provider.getCloudFormationClient()).send(resource);
    return StackResourceDetail.PhysicalResourceId;
  } catch (error) {
    // CloudFormation has no error of its own for a stack or a resource that is not there.
    if (error.name === 'ValidationError') return undefined;
    throw error;
  }
}

module.exports = { physicalId };
