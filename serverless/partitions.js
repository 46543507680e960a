'use strict';

// The partitions of regions by the beginning of their names; all others are in "aws".
const PARTITIONS = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['us-iso-', 'aws-iso'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
];

/** The partition of a region, as in its ARNs. */
exports.partitionOf = (region) =>
  PARTITIONS.find(([start]) => region.startsWith(start))?.[1] ?? 'aws';
