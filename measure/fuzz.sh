#!/usr/bin/env bash
# Runs every fuzzer of the module for the given time each, one after another.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

# fuzz runs one fuzzer. When its time ends, go test may
# fail with «context deadline exceeded» and no input that fails
# (https://go.dev/issue/75804, fixed in Go 1.27). That says nothing about the code,
# so the fuzzer is run again.
fuzz() { # fuzz PACKAGE TARGET
	local log attempt
	log=$(mktemp)
	for attempt in 1 2 3; do
		if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" 2>&1 | tee "$log"; then
			rm "$log"
			return
		fi
		if grep -q 'Failing input written' "$log" || ! grep -qx ' *context deadline exceeded' "$log"; then break; fi
	done
	rm "$log"
	return 1
}

for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target"
		fuzz "$package" "$target"
	done
done
