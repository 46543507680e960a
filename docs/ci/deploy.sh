#!/usr/bin/env bash
# deploy.sh APPLICATION ENVIRONMENT VERSION: deploy a version; the exit status is 0 after a success. If the folder has
# the specification app.json, the script applies it first.
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
digest() { # of all arguments, because a header cannot contain all values
  python3 -c 'import hashlib, os, sys
print(hashlib.sha256(b"\0".join(map(os.fsencode, sys.argv[1:]))).hexdigest())' "$@"
}
quote() { # a value in a configuration file of curl
  local value=${1//\\/\\\\}
  printf '"%s"\n' "${value//\"/\\\"}"
}
answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT
header() { # the value of a header of the last response; the file has the headers of all repetitions
  awk -v name="$1:" '/^HTTP\// {s = ""} tolower($1) == name {s = $2} END {sub("\r", "", s); print s}' "$headers"
}
# curl repeats a call without a response, and after 429 or 5xx, up to 7 times with pauses of 1 to 64
# seconds or Retry-After. All calls of a write have one key, so they start one operation.
call() { # METHOD PATH [OPTION...]
  until
    status=$(curl -sS -X "$1" --url "$API_URL$2" "${@:3}" -w '%{http_code}' \
      -o "$answer" -D "$headers" --max-time 60 --retry 7 --retry-all-errors --retry-max-time 300 \
      --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" -K <(
        printf 'user = %s\n' "$(quote "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")"
        token=${AWS_SESSION_TOKEN:-}
        [ -z "$token" ] || printf 'header = %s\n' "$(quote "x-amz-security-token: $token")")) || status=000
    [ "$status" != 202 ]
  do
    pause=$(header retry-after)
    [[ $pause =~ ^[1-9][0-9]*$ ]] || pause=1
    sleep "$pause"
  done
}
report() { # print the response of a write; fail unless it has succeeded
  cat "$answer"
  grep -o '"warnings": \[[^]]*\]' "$answer" >&2 || true # for example: no task ran
  [ "$status" = 200 ]
}
if [ -e app.json ]; then
  path=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$APPLICATION")
  call GET "/stacks/$path/spec"
  [ "$status" = 200 ] || report >&2
  revision=$(header etag) # the PUT replaces exactly this revision
  call PUT "/stacks/$path/spec" --data-raw "$(cat app.json)" -H "If-Match: $revision" -H 'Prefer: wait=25' \
    -H "Idempotency-Key: $(digest "$APPLICATION" "$revision" "$(cat app.json)" "$BUILD_ID")"
  report >&2
fi
call POST /stacks/deploy -d "$body" -H 'Prefer: wait=25' \
  -H "Idempotency-Key: $(digest "$APPLICATION" "$ENVIRONMENT" "$VERSION" "$BUILD_ID")"
report
