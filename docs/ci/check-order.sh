#!/usr/bin/env bash
# check-order.sh APPLICATION ENVIRONMENT COMMIT: fail if ENVIRONMENT runs a commit that does not precede COMMIT.
# ENVIRONMENT is dev, qa, stage, training, da, or prod for the live slot. Requires `devops`, and git with the whole
# history of COMMIT.
set -euo pipefail
[ $# = 3 ] || { echo 'usage: check-order.sh APPLICATION ENVIRONMENT COMMIT' >&2; exit 2; }
APPLICATION=$1 ENVIRONMENT=$2 COMMIT=$3
for name in APPLICATION ENVIRONMENT COMMIT; do # an empty value is an unset variable of the build server
  [[ ${!name} == *[![:space:]]* ]] || { echo "$name is empty" >&2; exit 2; }
done
status=$(devops status --json -- "$APPLICATION")
running=$(printf %s "$status" | python3 -c 'import json, sys
rows = json.load(sys.stdin)["stack"]["environments"]
production = sys.argv[1] == "prod"
found = [row for row in rows if (row.get("live") if production else row.get("environment") == sys.argv[1].upper())]
if len(found) != 1:
    sys.exit(f"the application has no environment {sys.argv[1]}, or its live slot is not known")
print(found[0].get("version", ""))' "$ENVIRONMENT")
[ -n "$running" ] || exit 0 # the first image has no version
if [[ ! $running =~ ^[0-9a-f]{40,64}$ ]]; then
  [ "$ENVIRONMENT" = prod ] || exit 0 # deployed by hand
  echo "$ENVIRONMENT runs $running, which is not a commit: release $COMMIT by hand" >&2
elif [ "$ENVIRONMENT $running" = "prod $COMMIT" ]; then
  echo "$COMMIT is already live; another promote would replace the previous release in the idle slot" >&2
elif git merge-base --is-ancestor "$running" "$COMMIT"; then
  exit 0
else
  echo "$ENVIRONMENT runs $running, which is not a predecessor of $COMMIT" >&2
fi
exit 1
