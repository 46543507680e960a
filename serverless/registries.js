'use strict';

// The registries whose images the applications can use: `allowedregistries` of parameters.yml. The
// functions have the same rule in devops_core/registries.py; a test compares both.

const names = require('./names.json');

// The entry that allows every registry that is not a private ECR.
const ANY_OTHER = '*';
const DOCKER_HUB = 'docker.io';
// Its groups are the account and the region.
const ECR_HOST = new RegExp(names.ecrHost.pattern);

/** The ECR registry of a host as "account.region"; undefined for another registry. */
function ecrRegistry(host) {
  const found = ECR_HOST.exec(host);
  return found ? `${found[1]}.${found[2]}` : undefined;
}

/** The host of the registry of an image. */
function hostOf(image) {
  const [first, ...path] = image.split('/');
  const hasHost = path.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return hasHost ? first : DOCKER_HUB;
}

/** The allowed ECR registries without duplicates, that of the installation first. */
function ecrRegistries({ accountid, region, allowedregistries }) {
  const listed = allowedregistries.map(ecrRegistry).filter(Boolean);
  return [...new Set([`${accountid}.${region}`, ...listed])];
}

/** Whether the applications can use an image. */
function isAllowed(image, parameters) {
  const host = hostOf(image);
  const registry = ecrRegistry(host);
  if (registry) return ecrRegistries(parameters).includes(registry);
  return [ANY_OTHER, host].some((entry) => parameters.allowedregistries.includes(entry));
}

/** The ARNs of the ECR repositories that execution roles can read. */
function imageRepositories(parameters) {
  return ecrRegistries(parameters).map((registry) => {
    const [account, region] = registry.split('.');
    return { 'Fn::Sub': `arn:\${AWS::Partition}:ecr:${region}:${account}:repository/*` };
  });
}

module.exports = { ANY_OTHER, imageRepositories, isAllowed };
