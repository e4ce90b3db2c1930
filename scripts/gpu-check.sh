#!/bin/bash
# Everything that needs a GPU, in at most eight minutes, and one table at the end.
#
#   scripts/gpu-check.sh [--dry-run] [--out DIR]
#
# Builds the native tests with the kernels for this GPU against the libtorch that is there, then runs them, the golden
# cases, steps of the 2B and whole samples beside the plain path, steps of its training, and, where a Node and the compiled
# TypeScript are at hand, `doctor` and `bench` through the addon. A part that fails does not stop the later ones; one that
# cannot run is skipped with its reason. --dry-run does the same on the CPU with what is built, to try the script itself.
#
#   SVG_T2I_LIBTORCH  libtorch, or a Python's site-packages/torch; else that of `python3 -c 'import torch'`
#   PREBUILT          a folder of results (tests/svg_native_tests, Release/svg-t2i.node, loader/): nothing is built
#   NODE              a Node binary; else `node` of PATH. dist/ and node_modules/ must be there for it
#   NODE_HEADERS      its node_api.h, for the addon; else ../include/node beside the binary
#   GPU_CHECK_BUDGET  seconds of all parts together; 460
set -u
cd "$(dirname "$0")/.." || exit 2

DRY_RUN=0
OUT=${OUT:-build-gpu-check/report}
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) DRY_RUN=1 ;;
    --out) OUT=${2:?--out wants a folder}; shift ;;
    *) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
mkdir -p "$OUT" || exit 2
OUT=$(cd "$OUT" && pwd)
BUDGET=${GPU_CHECK_BUDGET:-460}
START=$SECONDS
NAMES=() STATES=() NOTES=()

note() { # name state text
  NAMES+=("$1") STATES+=("$2") NOTES+=("$3")
  printf '%s: %s %s\n' "$1" "$2" "$3"
}

# part NAME SECONDS SUMMARY COMMAND...: runs it within its time and what is left of all; SUMMARY makes a line of its log.
part() {
  local name=$1 limit=$2 summary=$3 log="$OUT/$1.log" left=$((BUDGET - SECONDS + START)) began=$SECONDS
  shift 3
  if [ $left -lt 10 ]; then
    note "$name" skipped "the $BUDGET s of all parts are used up"
    return 1
  fi
  [ "$limit" -gt $left ] && limit=$left
  timeout --kill-after=5 "$limit" "$@" >"$log" 2>&1
  local status=$?
  local text="$(($SECONDS - began)) s; $($summary "$log")"
  case $status in
    0) note "$name" ok "$text" ;;
    124 | 137) note "$name" failed "$limit s were not enough; $text" ;;
    *) note "$name" failed "exit code $status; $text; $(grep -m 1 -E 'FAILED|rror' "$log" | cut -c 1-160)" ;;
  esac
  return $status
}

last_line() { sed 's,\x1b\[[0-9;]*m,,g' "$1" | tail -n 1 | cut -c 1-160; }
nothing() { :; }
golden_summary() {
  printf '%s passed, %s failed, %s not run' "$(grep -c '"status":"passed"' "$1")" "$(grep -c '"status":"failed"' "$1")" \
    "$(grep -c '"status":"not-run"' "$1")"
}
# A line of JSON a row: name, ours, plain, what ours multiplies a second of what the device does.
rows_summary() {
  python3 - "$1" <<'PYTHON'
import json, sys
for line in open(sys.argv[1]):
    if not line.startswith('{"name"'):
        continue
    row = json.loads(line)
    rate = row["unit"] != "s"
    work = row.get("flops", 0) * (row["ours"] if rate else 1 / row["ours"])
    share = f', {work / 1e12:.0f} TFLOP/s = {100 * work / row["matrixFlops"]:.0f} %' if work else ""
    show = (lambda v: f"{v:.2f} images/s") if rate else (lambda v: f"{1000 * v:.2f} ms")
    print(f'{row["name"]} {show(row["ours"])} (plain {show(row["plain"])}, x {row["ratio"]:.2f}'
          f'{share}, {row["oursPeakRss"] / 1e9:.1f} GB)', end="; ")
PYTHON
}

# --- what there is --------------------------------------------------------------------------------
DEVICE=cuda
if [ $DRY_RUN = 1 ]; then
  DEVICE=cpu
  note machine ok "dry run on the CPU, $(nproc) cores"
elif ! command -v nvidia-smi >/dev/null; then
  note machine failed "no GPU: there is no nvidia-smi"
  DEVICE=
elif gpu=$(nvidia-smi --query-gpu=name,memory.total,driver_version,compute_cap --format=csv,noheader 2>&1 | head -1) &&
  [ -n "$gpu" ] && [[ $gpu != *[Ff]ailed* ]] && [[ $gpu != *"not found"* ]]; then
  note machine ok "$gpu, $(nproc) cores, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
else
  note machine failed "no GPU: nvidia-smi says \"$(echo "${gpu:-nothing}" | cut -c 1-100)\""
  DEVICE=
fi

LIBTORCH=${SVG_T2I_LIBTORCH:-$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2>/dev/null)}
RESULTS=${PREBUILT:-build-gpu-check/build}
[ $DRY_RUN = 1 ] && RESULTS=${PREBUILT:-build}

# --- build ----------------------------------------------------------------------------------------
# Through bash of its own: timeout runs programs, and knows no functions.
build() {
  local capability
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
  local napi=()
  # In place of cmake-js, which would fetch them.
  if [ -e "$NODE_HEADERS/node_api.h" ] && [ -d node_modules/node-addon-api ]; then
    napi=("-DCMAKE_JS_INC=$NODE_HEADERS;$PWD/node_modules/node-addon-api")
  fi
  cmake -S . -B build-gpu-check -DSVG_LIBTORCH="$LIBTORCH" -DSVG_CUDA=on -DSVG_CUDA_TARGETS="$capability" -DSVG_TESTS=ON \
    -DSVG_OUTPUT="$PWD/build-gpu-check/build" "${napi[@]}" && cmake --build build-gpu-check --parallel "$(nproc)"
}
NODE=${NODE:-$(command -v node || true)}
NODE_HEADERS=${NODE_HEADERS:-$(dirname "${NODE:-/}")/../include/node}
if [ $DRY_RUN = 1 ] || [ -n "${PREBUILT:-}" ]; then
  note build skipped "what is in $RESULTS is taken"
elif [ -z "$LIBTORCH" ] || [ ! -e "$LIBTORCH/lib/libtorch_cuda.so" ]; then
  note build skipped "no libtorch for CUDA in \"$LIBTORCH\": set SVG_T2I_LIBTORCH"
elif ! command -v nvcc >/dev/null && [ ! -x /usr/local/cuda/bin/nvcc ]; then
  note build skipped "no nvcc"
else
  export LIBTORCH NODE_HEADERS
  export -f build
  part build 300 last_line bash -c build
fi

# --- parts ----------------------------------------------------------------------------------------
TESTS=$RESULTS/tests/svg_native_tests
export LD_LIBRARY_PATH="$LIBTORCH/lib:${LD_LIBRARY_PATH:-}"
missing=
if [ -z "$DEVICE" ]; then
  missing="no GPU"
elif [ ! -x "$TESTS" ]; then
  missing="$TESTS was not built"
fi

# native NAME SECONDS SUMMARY ARGUMENTS...: of the native tests' program.
native() {
  local name=$1 limit=$2 summary=$3
  shift 3
  if [ -n "$missing" ]; then
    note "$name" skipped "$missing"
  else
    part "$name" "$limit" "$summary" "$TESTS" "$@"
  fi
}

if [ $DRY_RUN = 1 ]; then
  native native-tests 120 last_line swiglu count
  native golden 120 golden_summary --golden --device cpu test/golden/dinov3-mlp test/golden/next-dit*
  native bench-parts 120 rows_summary --bench cpu encoder encoder-256-fp32 1
  native bench-sample 120 rows_summary --bench cpu sample sample-256-128-fp32 1
  note bench-step skipped "a step of the 2B takes a CPU minutes"
  note bench-training skipped "a step of the 2B takes a CPU minutes"
else
  native native-tests 150 last_line
  native golden 120 golden_summary --golden --device cuda test/golden/*/
  native bench-step 60 rows_summary --bench cuda step step- 10
  native bench-parts 60 rows_summary --bench cuda dit bf16 5
  native bench-decoder 30 rows_summary --bench cuda decoder bf16 5
  native bench-sample 45 rows_summary --bench cuda sample sample- 5
  native bench-training 90 rows_summary --bench cuda step train-256 4
fi

# --- through Node ---------------------------------------------------------------------------------
ADDON=$RESULTS/Release/svg-t2i.node
why=
[ -z "$DEVICE" ] && why="no GPU"
[ -z "$NODE" ] && why="no Node: set NODE to a binary of 20.19 or newer"
[ -n "$NODE" ] && [ ! -e dist/cli/main.js ] && why="no dist/: npm run build:js, and carry it along"
[ -z "$why" ] && [ ! -e "$ADDON" ] && why="$ADDON was not built (NODE_HEADERS and node_modules/node-addon-api are needed)"
# The CLI finds an addon as in a package: build/Release/ below SVG_T2I_PREBUILD, and beside it what `svg-t2i build` would
# have written of it.
PACKAGE=$OUT/package
pack_addon() {
  mkdir -p "$PACKAGE" && ln -sfn "$(cd "$RESULTS" && pwd)" "$PACKAGE/build" || return
  [ -e "$RESULTS/loader/build-info.json" ] && return
  "$NODE" --input-type=module - "$PWD/dist/install/libtorch.js" "$LIBTORCH" >"$RESULTS/loader/build-info.json.new" <<'MODULE' &&
const { inspectLibtorch } = await import(process.argv[2]);
const { version: torch, flavour, dir: libtorch } = inspectLibtorch(process.argv[3]);
console.log(JSON.stringify({ torch, flavour, libtorch }));
MODULE
    mv "$RESULTS/loader/build-info.json.new" "$RESULTS/loader/build-info.json"
}
if [ -z "$why" ] && ! said=$(pack_addon 2>&1); then
  why="the addon cannot be described: $(echo "$said" | grep -m 1 rror)"
  rm -f "$RESULTS/loader/build-info.json.new"
fi
through_node() { # name seconds summary arguments...
  local name=$1 limit=$2 summary=$3
  shift 3
  if [ -n "$why" ]; then
    note "$name" skipped "$why"
  else
    part "$name" "$limit" "$summary" env SVG_T2I_LIBTORCH="$LIBTORCH" SVG_T2I_PREBUILD="$PACKAGE" "$NODE" dist/cli/main.js "$@"
  fi
}
[ $DRY_RUN = 1 ] && export SVG_T2I_LIBTORCH="${SVG_T2I_LIBTORCH:-}"
through_node doctor 30 last_line doctor
through_node count 30 nothing bench --count --rows '^step-256' --json "$OUT/count.json"
if [ $DRY_RUN = 1 ]; then
  through_node bench-node 90 last_line bench --rows '^encoder-256-fp32' --repeats 1 --json "$OUT/bench.json"
else
  through_node bench-node 60 last_line bench --device "$DEVICE" --rows '^step-' --repeats 10 --json "$OUT/bench.json"
fi

# --- the table ------------------------------------------------------------------------------------
failed=0
printf '\n%-16s %-8s %s\n' part state what
for i in "${!NAMES[@]}"; do
  printf '%-16s %-8s %s\n' "${NAMES[$i]}" "${STATES[$i]}" "${NOTES[$i]}"
  [ "${STATES[$i]}" = failed ] && failed=$((failed + 1))
done
printf '%s parts, %s failed, %s s; logs in %s\n' "${#NAMES[@]}" $failed $((SECONDS - START)) "$OUT"
[ $failed -eq 0 ]
