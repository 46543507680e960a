#!/usr/bin/env bash
# deploy.sh APPLICATION ENVIRONMENT VERSION: deploy a version; the exit status is 0 after a success.
# Required variables: API_URL, AWS_* (credentials and region), BUILD_ID (the unique id of the build).
set -euo pipefail
body=$(python3 -c 'import json, sys
name, environment, version = sys.argv[1:]
print(json.dumps({"applicationName": name, "environment": [environment], "version": version}))' \
  "$1" "$2" "$3")
# A digest, because a header cannot contain all values.
key=$(python3 -c 'import hashlib, os, sys
print(hashlib.sha256(b"\0".join(map(os.fsencode, sys.argv[1:]))).hexdigest())' "$1" "$2" "$3" "$BUILD_ID")
quote() { # a value in a configuration file of curl
  local value=${1//\\/\\\\}
  printf '"%s"\n' "${value//\"/\\\"}"
}
answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT
until
  status=$(curl -sS -X POST --url "$API_URL/stacks/deploy" -d "$body" -w '%{http_code}' \
    -o "$answer" -D "$headers" -H 'Prefer: wait=25' -H "Idempotency-Key: $key" --retry 5 --max-time 60 \
    --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" -K <(
      printf 'user = %s\n' "$(quote "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")"
      token=${AWS_SESSION_TOKEN:-}
      [ -z "$token" ] || printf 'header = %s\n' "$(quote "x-amz-security-token: $token")"))
  [ "$status" != 202 ]
do sleep "$(awk 'tolower($1) == "retry-after:" {seconds = $2} END {print seconds + 0}' "$headers")"; done
cat "$answer"
grep -o '"warnings": \[[^]]*\]' "$answer" >&2 || true # for example: no task ran
[ "$status" = 200 ]
