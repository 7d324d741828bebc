#!/bin/sh
# Runs tests beside BUSY processes that do nothing but use a processor, as "make
# stress" does. In this order:
#
#   waits   what was once red on a busy machine, the matrix's control column, every
#           test of the packages that wait, hand over between threads, or start
#           processes, in -short form, and those of cmd/ddc that do: ROUNDS times
#   rest    every other test, once, in -short form
#
# "stress.sh named" is the beginning of the first alone. AT_ONCE test programs run
# side by side, as between so many busy processes one alone would mostly wait for
# its turn. They are compiled before, without company. The first failure ends it;
# arguments choose parts. "stress.sh one COMMAND..." runs a single command, and is
# how the parts call theirs.
set -u
TAGS=${TAGS:-nodynamic} BUSY=${BUSY:-30} ROUNDS=${ROUNDS:-3} AT_ONCE=${AT_ONCE:-8}
LIMIT=${LIMIT:-30m} # of one test program
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1

# one FOLDER COMMAND... runs a command in a folder and says how it went. Its exit
# code, where it is not 0, keeps xargs from starting another.
one() {
  began=$(date +%s)
  said=$(mktemp -p "${programs:-}")
  folder=$1
  shift
  (cd "$folder" && exec env --default-signal=INT,QUIT,HUP "$@") >"$said" 2>&1
  status=$?
  shift
  if [ $status -eq 0 ]; then
    echo "ok   $folder $*: $(($(date +%s) - began)) s"
  else
    cat "$said"
    echo "FAIL $folder $*, beside $BUSY busy processes: status $status"
  fi
  rm -f "$said"
  [ $status -eq 0 ] || exit 255
}
if [ "${1:-}" = one ]; then
  shift
  one "$@"
  exit
fi
# Out of the checkout, as go test does: beside a program of the checkout its tools
# are found, also by tests of what is said where there are none.
programs=$(mktemp -d)
export programs # what each says is kept there too
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

# What takes longest begins first.
longest='conformance plugin/host rpc transport/hub'

# packages lists folders with tests.
packages() {
  for p in "$@"; do set -- "$@" "./$p"; shift; done
  go list -tags "$TAGS" -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$@" | sed "s|^$module\$|.|; s|^$module/||"
}

program() { echo "$programs/$(echo "$1" | tr / _).test"; }

compile() {
  for p in "$@"; do go test -tags "$TAGS" -c -o "$(program "$p")" "./$p" || exit 1; done
}

# tests PACKAGE ARGUMENTS... is the line of a package's tests, run in its folder, as go test does.
tests() {
  package=$1
  shift
  echo "$package $(program "$package") -test.timeout $LIMIT $*"
}

# together runs a command a line, its folder first, AT_ONCE at a time.
together() {
  xargs -L 1 -P "$AT_ONCE" "$root/tools/stress.sh" one
}

named_tests() {
  echo ". bin/ddc-fault wake matrix --fault none"
  echo "$named" | while read -r package pattern; do tests "$package" -test.run "$pattern"; done
}

run_named() { named_tests | together; }

run_waits() {
  {
    named_tests
    tests cmd/ddc -test.short -test.run "$processes"
    for p in $longest $(echo "$waiting" | grep -vxF "$(echo "$longest" | tr ' ' '\n')"); do tests "$p" -test.short; done
  } | together
}

run_rest() {
  for p in $others; do tests "$p" -test.short; done | together
}

busy=
trap 'kill $busy 2>/dev/null; rm -rf "$programs"' EXIT
trap 'exit 130' HUP INT TERM
parts=${*:-waits rest}
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
    "run_$part" || exit 1
  done
done
