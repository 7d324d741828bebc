#!/bin/sh
# Runs tests beside BUSY processes that do nothing but use a processor, as "make
# stress" does. In this order:
#
#   named   what was once red on a busy machine, and the matrix's control column
#   waits   every test of the packages that wait, hand over between threads, or
#           start processes, in -short form, and those of cmd/ddc that do
#   rest    every other test, once, in -short form
#
# The first two run ROUNDS times. Test programs are compiled before, without
# company. The first failure ends it; arguments choose parts.
set -u
TAGS=${TAGS:-nodynamic} BUSY=${BUSY:-30} ROUNDS=${ROUNDS:-3}
LIMIT=${LIMIT:-30m} # of one test program, of which the longest takes 9 minutes
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
programs=$root/out/stress
mkdir -p "$programs"
module=$(go list -m)

# A package and a pattern of its tests, one a line.
named='rpc AStormOfCancellations
cmd/ddc SignalEndsABuildAndNothingIsLeft
plugin/host IsolatedNeighboursOfAScribbler
plugin/host NothingGrowsWithCalls
transport/hub SignalsForNothingAreCounted
conformance SuiteCatchesEveryFaultOnEveryStrategy/DropToken'

processes='^Test(Signal|Interrupt|HostDeath|ADaemon|FoldersThat|ABuildInside|InputThat|Inspect)'

waits='wake wake/... ring slot shm transport/... rpc inspect plugin/... conformance internal/heir internal/sys internal/step
internal/enclosure internal/absence internal/await internal/memory'

# packages lists folders with tests.
packages() {
  for p in "$@"; do set -- "$@" "./$p"; shift; done
  go list -tags "$TAGS" -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$@" | sed "s|^$module\$|.|; s|^$module/||"
}

program() { echo "$programs/$(echo "$1" | tr / _).test"; }

compile() {
  for p in "$@"; do go test -tags "$TAGS" -c -o "$(program "$p")" "./$p" || exit 1; done
}

# told NAME COMMAND... runs a command and says how it went.
told() {
  name=$1
  shift
  began=$(date +%s)
  env --default-signal=INT,QUIT,HUP "$@" >"$programs/said" 2>&1 &
  test=$!
  wait $test
  status=$?
  test=
  if [ $status -ne 0 ]; then
    cat "$programs/said"
    echo "FAIL $name, beside $BUSY busy processes: status $status"
    exit 1
  fi
  echo "ok   $name: $(($(date +%s) - began)) s"
}

# run PACKAGE ARGUMENTS... runs a package's tests in its folder, as go test does.
run() {
  package=$1
  shift
  told "$package $*" sh -c 'cd "$0" && exec "$@"' "$package" "$(program "$package")" -test.timeout "$LIMIT" "$@"
}

run_named() {
  while read -r package pattern; do
    run "$package" -test.run "$pattern"
  done <<END
$named
END
  told "the matrix's control column" bin/ddc-fault wake matrix --fault none
}

run_waits() {
  for p in $waiting; do run "$p" -test.short; done
  run cmd/ddc -test.short -test.run "$processes"
}

run_rest() {
  for p in $others; do run "$p" -test.short; done
}

busy= test=
trap 'kill $busy $test 2>/dev/null' EXIT
trap 'exit 130' HUP INT TERM
parts=${*:-named waits rest}
# shellcheck disable=SC2086 # lists of words
waiting=$(packages $waits)
others=
for p in $(packages ...); do
  case "
$waiting
" in *"
$p
"*) ;; *) others="$others $p" ;; esac
done
case $parts in
*rest*) compile $waiting $others ;;
*waits*) compile $waiting cmd/ddc ;;
*) compile $(echo "$named" | cut -d' ' -f1 | sort -u) ;;
esac
for n in $(seq "$BUSY"); do
  # It ends with this shell, however that ends.
  sh -c 'while kill -0 $PPID 2>/dev/null; do n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done; done' &
  busy="$busy $!"
done
for part in $parts; do
  rounds=$ROUNDS
  [ "$part" = rest ] && rounds=1
  for round in $(seq "$rounds"); do
    echo "stress, $part, round $round of $rounds, beside $BUSY busy processes"
    "run_$part"
  done
done
