#!/usr/bin/env bash
# swap-until-approval.sh APPLICATION VERSION DIGEST [OPTION...]: give a tenth of the customers the version, and stop when
# the swap waits for the approval to give it to all. The options are those of `devops swap`. stdout has the id of the
# operation, for `devops approve`; it is empty if the version is already live.
set -euo pipefail
[ $# -ge 3 ] || { echo 'usage: swap-until-approval.sh APPLICATION VERSION DIGEST [OPTION...]' >&2; exit 2; }
for value in "${@:1:3}"; do # an empty value is an unset variable of the build server
  [[ $value == *[![:space:]]* ]] || { echo 'an argument is empty' >&2; exit 2; }
done
response=$(devops swap --version="$2" --digest="$3" --canary=10 --bake=30m --approve=full --until=approval \
  "${@:4}" --json -- "$1")
printf %s "$response" | python3 -c 'import json, sys
print((json.load(sys.stdin)["operation"] or {}).get("id", ""))'
