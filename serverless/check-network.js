'use strict';

// Stops a deploy if the network of parameters.yml cannot work: a subnet of another VPC, a security group
// that is neither in the VPC nor associated with it (EC2 API, AssociateSecurityGroupVpc), tasks in a zone
// without a load balancer, or two load balancer subnets in one zone. The nodes of a load balancer reach
// only the targets in its enabled zones (ELB, Application Load Balancers, "Subnets for your load
// balancer"), so such tasks would never become healthy. ELB accepts one subnet for each zone (ELBv2 API,
// CreateLoadBalancer).

const {
  DescribeSecurityGroupVpcAssociationsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  EC2Client,
} = require('@aws-sdk/client-ec2');

/** Plugin for osls; reads the network of custom.parameters. */
module.exports = class CheckNetwork {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { 'before:deploy:deploy': () => this.check() };
  }

  async check() {
    const { custom } = this.serverless.service;
    const { vpc, sg, elbsg, ...values } = custom.parameters;
    const provider = this.serverless.getProvider('aws');
    const ec2 = new EC2Client(await provider.getAwsSdkV3Config());
    const [tasks, balancers, groups] = await Promise.all([
      described(ec2, DescribeSubnetsCommand, 'subnet-id', subnetsOf(values, '')),
      described(ec2, DescribeSubnetsCommand, 'subnet-id', subnetsOf(values, 'elb')),
      described(ec2, DescribeSecurityGroupsCommand, 'group-id', { sg, elbsg }),
    ]);
    const problems = [
      ...foreign({ ...tasks, ...balancers, ...(await unassociated(ec2, groups, vpc)) }, vpc),
      ...sharedZones(balancers),
      ...unreachable(tasks, balancers),
    ];
    if (problems.length === 0) return;
    throw new this.serverless.classes.Error(
      ['The network of the parameters cannot be used:', ...problems].join('\n  - '),
      'NETWORK_NOT_USABLE',
    );
  }
};

/** The ids of the subnets for the tasks (prefix '') or the load balancers ('elb'), by parameter. */
function subnetsOf(values, prefix) {
  const further = values[`${prefix}subnets`].map((id) => [`${prefix}subnets (${id})`, id]);
  const both = [1, 2].map((n) => [`${prefix}subnet${n}`, values[`${prefix}subnet${n}`]]);
  return Object.fromEntries([...both, ...further]);
}

/** The resource of each parameter; undefined if it does not exist: a filter causes no error. */
async function described(ec2, Command, filter, ids) {
  const Filters = [{ Name: filter, Values: [...new Set(Object.values(ids))] }];
  const { Subnets, SecurityGroups } = await ec2.send(new Command({ Filters }));
  const found = new Map(
    (Subnets ?? SecurityGroups).map((each) => [each.SubnetId ?? each.GroupId, each]),
  );
  return Object.fromEntries(Object.entries(ids).map(([key, id]) => [key, found.get(id)]));
}

/** The security groups without those of other VPCs that are associated with the VPC. */
async function unassociated(ec2, groups, vpc) {
  const others = Object.values(groups).filter((group) => group && group.VpcId !== vpc);
  if (others.length === 0) return groups;
  const Filters = [
    { Name: 'group-id', Values: others.map(({ GroupId }) => GroupId) },
    { Name: 'vpc-id', Values: [vpc] },
    { Name: 'state', Values: ['associated'] },
  ];
  const found = await ec2.send(new DescribeSecurityGroupVpcAssociationsCommand({ Filters }));
  const usable = found.SecurityGroupVpcAssociations.map(({ GroupId }) => GroupId);
  return Object.fromEntries(
    Object.entries(groups).filter(([, group]) => !usable.includes(group?.GroupId)),
  );
}

function foreign(resources, vpc) {
  return Object.entries(resources)
    .filter(([, resource]) => resource?.VpcId !== vpc)
    .map(([key, resource]) =>
      resource
        ? `${key}: belongs to ${resource.VpcId}, not to ${vpc}; write one of that VPC`
        : `${key}: does not exist in this account and region; write one of ${vpc}`,
    );
}

function sharedZones(balancers) {
  const found = Object.entries(balancers).filter(([, subnet]) => subnet);
  const zones = found.map(([, { AvailabilityZone }]) => AvailabilityZone);
  return found
    .filter((_, n) => zones.indexOf(zones[n]) < n)
    .map(
      ([key]) =>
        `${key}: is in the zone of another load balancer subnet; write a subnet in another zone`,
    );
}

function unreachable(tasks, balancers) {
  const zones = Object.values(balancers).map((subnet) => subnet?.AvailabilityZone);
  if (!zones.every(Boolean)) return [];
  return Object.entries(tasks)
    .filter(([, subnet]) => subnet && !zones.includes(subnet.AvailabilityZone))
    .map(
      ([key, { AvailabilityZone }]) =>
        `${key}: is in ${AvailabilityZone}, and the load balancers are in ${zones.join(' and ')}; ` +
        'their nodes do not reach tasks in other zones. Write a subnet in one of these zones',
    );
}
