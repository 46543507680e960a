'use strict';

// Actions on the buckets of the service that CloudFormation does not support: uploads the
// application template to the ECS-CF-Bucket after a deploy, and empties the ECS-Bucket before a
// remove, because CloudFormation does not delete a bucket with objects. Before a deploy it checks
// for tables and a bucket of an earlier installation; CloudFormation would only report a validation
// error.

const { createHash } = require('node:crypto');
const fs = require('node:fs/promises');
const path = require('node:path');
const {
  DeleteObjectsCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} = require('@aws-sdk/client-s3');
const { physicalId } = require('./stack-resource');

const TEMPLATE = 'cloudformation/application.yml';
const KEY = 'application.yml';

/** Plugin for osls; reads custom.parameters.accountid, .datastores, .templatebucket and .ecsbucket. */
module.exports = class Buckets {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.hooks = {
      'before:deploy:deploy': () => this.refuseLeftovers(),
      'after:deploy:deploy': () => this.uploadTemplate(),
      'before:remove:remove': () => this.emptyReservedBucket(),
    };
  }

  /** A client that accepts only buckets of the account of the installation. */
  async s3() {
    const { accountid: ExpectedBucketOwner } = this.serverless.service.custom.parameters;
    const s3 = new S3Client(await this.serverless.getProvider('aws').getAwsSdkV3Config());
    s3.middlewareStack.add(
      (next) => (call) => next({ ...call, input: { ...call.input, ExpectedBucketOwner } }),
      { step: 'initialize', name: 'expectedBucketOwner' },
    );
    return s3;
  }

  async refuseLeftovers() {
    const { datastores, templatebucket: Bucket } = this.serverless.service.custom.parameters;
    if (datastores !== 'create') return;
    // The bucket may belong to the stack of this installation.
    if (await physicalId(this.serverless.getProvider('aws'), 'TemplateBucket')) return;
    if (await exists(await this.s3(), new HeadBucketCommand({ Bucket }))) {
      throw new this.serverless.classes.Error(
        `datastores: the bucket ${Bucket} and the tables of an earlier installation exist. ` +
          'Write existing to use them, or delete them first.',
        'DATASTORES_EXIST',
      );
    }
  }

  async uploadTemplate() {
    const s3 = await this.s3();
    const { templatebucket: Bucket } = this.serverless.service.custom.parameters;
    const Body = await fs.readFile(path.join(this.serverless.serviceDir, TEMPLATE));
    const sha256 = createHash('sha256').update(Body).digest('hex');
    // The bucket keeps every version, so identical bytes are not uploaded again.
    if ((await uploadedSha256(s3, { Bucket, Key: KEY })) === sha256) return;
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: KEY,
        Body,
        ContentType: 'application/yaml',
        Metadata: { sha256 },
      }),
    );
    this.log.notice(`Uploaded ${TEMPLATE} to s3://${Bucket}/${KEY}`);
  }

  async emptyReservedBucket() {
    const s3 = await this.s3();
    const { ecsbucket: Bucket } = this.serverless.service.custom.parameters;
    let objects;
    do {
      objects = await versions(s3, Bucket);
      if (objects.length > 0) await deleteAll(s3, Bucket, objects);
    } while (objects.length > 0);
  }
};

/** The first 1000 versions and delete markers in a bucket; empty if the bucket does not exist. */
async function versions(s3, Bucket) {
  try {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    return found.map(({ Key, VersionId }) => ({ Key, VersionId }));
  } catch (error) {
    if (error.name === 'NoSuchBucket') return [];
    throw error;
  }
}

/** Whether a read command succeeds (true) or returns NotFound (false). */
async function exists(s3, command) {
  try {
    return Boolean(await s3.send(command));
  } catch (error) {
    if (error.name === 'NotFound') return false;
    throw error;
  }
}

/** The digest in the metadata of the object; undefined if the object does not exist. */
async function uploadedSha256(s3, object) {
  try {
    return (await s3.send(new HeadObjectCommand(object))).Metadata?.sha256;
  } catch (error) {
    if (error.name === 'NotFound') return undefined;
    throw error;
  }
}

async function deleteAll(s3, Bucket, Objects) {
  const { Errors = [] } = await s3.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
  );
  if (Errors.length > 0) {
    throw new Error(`${Bucket} cannot be emptied: ${Errors[0].Key}: ${Errors[0].Message}`);
  }
}
