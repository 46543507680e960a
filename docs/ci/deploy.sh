#!/usr/bin/env bash
# deploy.sh APPLICATION ENVIRONMENT VERSION: deploy a version; the exit status is 0 after a success.
# Required variables: API_URL, AWS_* (credentials and region), BUILD_ID (the unique id of the build).
set -euo pipefail
[ $# = 3 ] || { echo 'usage: deploy.sh APPLICATION ENVIRONMENT VERSION' >&2; exit 2; }
APPLICATION=$1 ENVIRONMENT=$2 VERSION=$3
# An empty value is an unset variable of the build server.
for name in APPLICATION ENVIRONMENT VERSION API_URL BUILD_ID AWS_REGION AWS_ACCESS_KEY_ID \
  AWS_SECRET_ACCESS_KEY ${AWS_SESSION_TOKEN+AWS_SESSION_TOKEN}; do
  [[ ${!name-} == *[![:space:]]* ]] || { echo "$name is missing or empty" >&2; exit 2; }
done
body=$(python3 -c 'import json, sys
name, environment, version = sys.argv[1:]
print(json.dumps({"applicationName": name, "environment": [environment], "version": version}))' \
  "$APPLICATION" "$ENVIRONMENT" "$VERSION")
# A digest, because a header cannot contain all values.
key=$(python3 -c 'import hashlib, os, sys
print(hashlib.sha256(b"\0".join(map(os.fsencode, sys.argv[1:]))).hexdigest())' \
  "$APPLICATION" "$ENVIRONMENT" "$VERSION" "$BUILD_ID")
quote() { # a value in a configuration file of curl
  local value=${1//\\/\\\\}
  printf '"%s"\n' "${value//\"/\\\"}"
}
answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT
# curl repeats a call without a response, and after 429 or 5xx, up to 7 times with pauses of 1 to 64
# seconds or Retry-After. All calls have one key, so they start one operation.
until
  status=$(curl -sS -X POST --url "$API_URL/stacks/deploy" -d "$body" -w '%{http_code}' \
    -o "$answer" -D "$headers" -H 'Prefer: wait=25' -H "Idempotency-Key: $key" --max-time 60 \
    --retry 7 --retry-all-errors --retry-max-time 300 \
    --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" -K <(
      printf 'user = %s\n' "$(quote "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")"
      token=${AWS_SESSION_TOKEN:-}
      [ -z "$token" ] || printf 'header = %s\n' "$(quote "x-amz-security-token: $token")")) || status=000
  [ "$status" != 202 ]
do # The file has the headers of all repetitions.
  sleep "$(awk '/^HTTP\// {s = 0} tolower($1) == "retry-after:" {s = $2 + 0} END {print s ? s : 1}' "$headers")"
done
cat "$answer"
grep -o '"warnings": \[[^]]*\]' "$answer" >&2 || true # for example: no task ran
[ "$status" = 200 ]
