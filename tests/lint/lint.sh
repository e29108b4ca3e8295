#!/bin/bash
# lint.sh: holds the project's source to the rules of rules.bash; TAP.
cd "$(dirname "$0")/../.." || exit 1
. tests/lint/rules.bash
number=0
for rule in "${RULES[@]}"; do
	number=$((number + 1))
	violations=$("rule_$rule")
	case $violations in
	"") echo "ok $number - $rule" ;;
	"skip: "*) echo "ok $number - $rule # skip ${violations#skip: }" ;;
	*)
		echo "not ok $number - $rule"
		printf '%s\n' "$violations" | sed 's/^/# /'
		;;
	esac
done
echo "1..$number"
