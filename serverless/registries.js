'use strict';

// The registries whose images the applications can use: `allowedregistries` of parameters.yml. The
// functions have the same rule in devops_core/naming.py and devops_core/registries.py; a test
// compares both.

// The entry that allows every registry that is not a private ECR.
const ANY_OTHER = '*';
const DOCKER_HUB = 'docker.io';
const ECR_HOST = new RegExp(
  '^(?<account>[0-9]{12})\\.dkr[.-]ecr(?:-fips)?\\.(?<region>[a-z0-9-]+)\\.' +
    '(?:amazonaws\\.com(?:\\.cn)?|amazonaws\\.eu|on\\.aws|on\\.amazonwebservices\\.(?:com\\.cn|eu)' +
    '|c2s\\.ic\\.gov|sc2s\\.sgov\\.gov|cloud\\.adc-e\\.uk|csp\\.hci\\.ic\\.gov)' +
    '(?::[0-9]+)?$',
);

/** The ECR registry of a host as "account.region"; undefined for another registry. */
function ecrRegistry(host) {
  const found = ECR_HOST.exec(host)?.groups;
  return found && `${found.account}.${found.region}`;
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
