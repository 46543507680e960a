#!/usr/bin/env bash
# deploy.sh APPLICATION ENVIRONMENT VERSION: deploy a version; the exit status is 0 after a success.
# Required variables: API_URL, AWS_* (credentials and region), BUILD_ID (the unique id of the build).
set -euo pipefail
body=$(printf '{"applicationName": "%s", "environment": ["%s"], "version": "%s"}' "$1" "$2" "$3")
answer=$(mktemp)
until
  status=$(curl -sS -X POST "$API_URL/stacks/deploy" -d "$body" -o "$answer" -w '%{http_code}' \
    -H 'Prefer: wait=25' -H "Idempotency-Key: $1-$2-$3-$BUILD_ID" --retry 5 \
    --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" -K <(
      printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
      printf 'header = "x-amz-security-token: %s"\n' "${AWS_SESSION_TOKEN:-}"))
  [ "$status" != 202 ]
do :; done
cat "$answer"
grep -o '"warnings": \[[^]]*\]' "$answer" >&2 || true # for example: no task ran
[ "$status" = 200 ]
