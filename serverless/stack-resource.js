'use strict';

// Reads a resource of the installation's stack, for the checks of plugins before a deploy.

const { DescribeStackResourceCommand } = require('@aws-sdk/client-cloudformation');

/** The physical id of a resource; undefined if the stack or the resource does not exist. */
async function physicalId(provider, LogicalResourceId) {
  const StackName = provider.naming.getStackName();
  const resource = new DescribeStackResourceCommand({ StackName, LogicalResourceId });
  try {
    const { StackResourceDetail } = await (await provider.getCloudFormationClient()).send(resource);
    return StackResourceDetail.PhysicalResourceId;
  } catch (error) {
    // CloudFormation has no specific error for a missing stack or resource.
    if (error.name === 'ValidationError') return undefined;
    throw error;
  }
}

module.exports = { physicalId };
