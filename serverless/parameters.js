'use strict';

// The settings of an installation, for `${file(serverless/parameters.js)}` in serverless.yml: reads
// parameters.yml, validates it, and adds defaults and derived values. PARAMETERS=path or
// --param="parameters=path" selects another file.

const fs = require('node:fs');
const path = require('node:path');
const Ajv = require('ajv');
const yaml = require('js-yaml');
const { accessPolicy, gateway } = require('./access');
const { contradictions } = require('./contradictions');
const { defaults, formats, schema, templateUrls } = require('./parameters-schema');
const { imageRepositories } = require('./registries');

const DEFAULT_FILE = 'parameters.yml';
// The delivered parameters.yml has placeholders such as "<id of the VPC, ...>".
const PLACEHOLDER = /<[^>]*>/;

class ParametersError extends Error {
  constructor(file, problems) {
    const lines = problems.map((problem) => `  - ${problem}`);
    super(`${file} cannot be deployed:\n${lines.join('\n')}`);
    this.name = 'ParametersError';
    // osls prints the stack of an error. A stack trace would hide the list of faults.
    this.stack = this.message;
  }
}

/** The file to read: --param="parameters=path", else PARAMETERS, else parameters.yml. */
function chosenFile(options = {}) {
  const given = [options.param ?? []].flat().find((param) => param.startsWith('parameters='));
  return given?.slice('parameters='.length) || process.env.PARAMETERS || DEFAULT_FILE;
}

/** The keys and values as written: strings, lists and objects of strings. */
function read(file) {
  let content;
  try {
    // Without types, because YAML would parse an account id as a number and drop its leading zeros.
    content = yaml.load(fs.readFileSync(path.resolve(file), 'utf8'), {
      schema: yaml.FAILSAFE_SCHEMA,
    });
  } catch (error) {
    throw new ParametersError(file, [error.reason ? `not YAML: ${error.message}` : error.message]);
  }
  if (content === null || typeof content !== 'object' || Array.isArray(content)) {
    throw new ParametersError(file, ['not a list of "key: value" lines']);
  }
  return content;
}

function describe({ keyword, params, parentSchema, instancePath, data }) {
  if (keyword === 'required') {
    const key = params.missingProperty;
    return `${key}: is missing; write ${schema.properties[key].description}`;
  }
  if (keyword === 'additionalProperties') {
    const known = Object.keys(schema.properties).join(', ');
    return `${params.additionalProperty}: is not a parameter; the parameters are ${known}`;
  }
  const key = instancePath.split('/')[1];
  if (parentSchema.fault) return `${key}: ${JSON.stringify(data)} ${parentSchema.fault}`;
  const advice = `write ${schema.properties[key].description}`;
  if (data === null || data === '') return `${key}: is empty; ${advice}`;
  if (PLACEHOLDER.test(data)) return `${key}: still holds its placeholder; ${advice}`;
  return `${key}: ${JSON.stringify(data)} does not fit; ${advice}`;
}

/** Throw a ParametersError that names every key with a fault. */
function check(file, values) {
  const ajv = new Ajv({ allErrors: true, verbose: true, formats, keywords: ['fault'] });
  const validate = ajv.compile(schema);
  // A name that is not valid has another error as well.
  const errors = (validate(values) ? [] : validate.errors).filter(
    ({ keyword }) => keyword !== 'propertyNames',
  );
  const wrong = new Set(errors.map(({ instancePath }) => instancePath.split('/')[1]));
  const sound = Object.entries(values).filter(([key]) => !wrong.has(key));
  const problems = [...new Set(errors.map(describe)), ...contradictions(Object.fromEntries(sound))];
  if (problems.length > 0) throw new ParametersError(file, problems);
}

/** Derived values: names of buckets, location of the template, subnets, access control. */
function derived(values) {
  const { accountid, region, cftemplate, requiredtags, logretentiondays, alarmtopic } = values;
  const { bucket, key } = templateUrls.map((url) => url.exec(cftemplate)).find(Boolean).groups;
  const tasksubnets = [values.subnet1, values.subnet2, ...values.subnets];
  const templatebucket = `ecs-cf-bucket-${accountid}-${region}`;
  return {
    // Bucket names are unique in all of AWS, so they contain account and region.
    ecsbucket: `ecs-bucket-${accountid}-${region}`,
    templatebucket,
    // The health check reads the ECS-CF-Bucket; create reads the template at cftemplate.
    readablebuckets: [...new Set([templatebucket, bucket])].map((name) => ({
      'Fn::Sub': `arn:\${AWS::Partition}:s3:::${name}`,
    })),
    templateobject: `${bucket}/${key}`,
    // The roles that the functions can pass to tasks: those of the application template, and taskroles.
    passableroles: [
      { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/devops-ecs/*' },
      ...new Set(Object.values(values.taskroles).flat()),
    ],
    // The values of ecs:enable-execute-command with which the functions can update services.
    ecsexecvalues: values.ecsexec === 'true' ? ['false', 'true'] : ['false'],
    tasksubnets,
    allsubnets: tasksubnets.join(','),
    allelbsubnets: [values.elbsubnet1, values.elbsubnet2, ...values.elbsubnets].join(','),
    requiredtags: requiredtags.join(','),
    allowedregistries: values.allowedregistries.join(','),
    secretkeyarns: values.secretkeys.join(','),
    imagerepositories: imageRepositories(values),
    restrictedtemplate: String(values.templatewriters.length > 0),
    logretentiondays: Number(logretentiondays),
    alarmactions: alarmtopic ? [alarmtopic] : [],
    // Keys of notifications.yml.
    topicrule: values.notifytopic ? 'topic' : 'none',
    slackrule: values.slackwebhook ? 'slack' : 'none',
    apiurl: values.publicurl || {
      'Fn::Sub': `https://\${ApiGatewayRestApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${values.stage}`,
    },
    gateway: gateway(values),
    accesspolicy: accessPolicy(values),
  };
}

/** Read, validate and complete the parameters of a file; may throw a ParametersError. */
function load(file) {
  const values = { ...defaults, ...read(file) };
  check(file, values);
  return { ...values, ...derived(values) };
}

module.exports = ({ options }) => load(chosenFile(options));
