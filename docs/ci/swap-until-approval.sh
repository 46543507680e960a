#!/usr/bin/env bash
# swap-until-approval.sh APPLICATION VERSION DIGEST [OPTION...]: give a tenth of the customers the version, and stop when
# the swap waits for the approval to give it to all. The options are those of `devops swap`. stdout has the id of the
# operation, for `devops approve`; it is empty if the version is already live.
set -euo pipefail
[ $# -ge 3 ] || { echo 'usage: swap-until-approval.sh APPLICATION VERSION DIGEST [OPTION...]' >&2; exit 2; }
APPLICATION=$1 VERSION=$2 DIGEST=$3
for name in APPLICATION VERSION DIGEST; do # an empty value is an unset variable of the build server
  [[ ${!name} == *[![:space:]]* ]] || { echo "$name is empty" >&2; exit 2; }
done
response=$(devops swap --version="$VERSION" --digest="$DIGEST" --canary=10 --bake=30m --approve=full --until=approval \
  "${@:4}" --json -- "$APPLICATION")
printf %s "$response" | python3 -c 'import json, sys
print((json.load(sys.stdin)["operation"] or {}).get("id", ""))'
