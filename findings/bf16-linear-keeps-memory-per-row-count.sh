#!/usr/bin/env bash
# PyTorch on a CPU: a bf16 linear layer keeps memory for every number of rows that it ever saw.
#
# Seen (torch 2.13.0, a Xeon with avx512_bf16 and AMX; one layer of 1024 x 1024, batches of 1 to 400 rows, one thread): in bf16
#   the process grows by 346 MiB, and by nothing when the same numbers of rows come again; in fp32 by 5 MiB. oneDNN compiles a
#   product for each shape and keeps it. ONEDNN_PRIMITIVE_CACHE_CAPACITY=0 alone leaves 160 MiB; with LRU_CACHE_CAPACITY=16, the
#   bound of a second cache in libtorch, beside ONEDNN_PRIMITIVE_CACHE_CAPACITY=16 it is 41 MiB.
# Expected: memory that does not depend on how many different batch sizes a server has seen, or one setting that bounds it.
# Who packs sequences of many lengths: fill the rows up to few numbers.
# On a processor without bf16 instructions it says so and tells nothing.
set -euo pipefail
if ! grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
  echo "not run: this processor has no bf16 instructions"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6

cat > grow.py <<'PY'
import sys, torch

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

torch.set_num_threads(1)
dtype = getattr(torch, sys.argv[1])
layer = torch.nn.Linear(1024, 1024, dtype=dtype)

def round_of(rows):
    with torch.inference_mode():
        for n in rows:
            layer(torch.ones(n, 1024, dtype=dtype))

round_of([400])
rows = list(range(1, 401))
before = resident()
round_of(rows)
first = resident()
round_of(rows)
print(round(first - before), round(resident() - first))
PY
run() { read -r first again < <(env "${@:3}" venv/bin/python grow.py "$2"); echo "$1: $first MiB for 400 numbers of rows, $again MiB for the same again"; }
run "fp32" float32 A=
fp32=$first
run "bf16" bfloat16 A=
bf16=$first bf16_again=$again
run "bf16, oneDNN's cache at 0" bfloat16 ONEDNN_PRIMITIVE_CACHE_CAPACITY=0
one=$first
run "bf16, both caches at 16" bfloat16 ONEDNN_PRIMITIVE_CACHE_CAPACITY=16 LRU_CACHE_CAPACITY=16
both=$first
test "$fp32" -lt 60
test "$bf16" -gt 150
test "$bf16_again" -lt 30
test "$one" -gt 80
test "$both" -lt 100
echo "as stated above"
