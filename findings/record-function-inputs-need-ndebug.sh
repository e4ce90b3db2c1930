#!/usr/bin/env bash
# PyTorch, C++: an observer that asks at::RecordFunction for its inputs fails, unless it is compiled with NDEBUG.
#
# Seen (torch 2.13.0 for the CPU, GCC 12): RecordFunctionCallback(...).needsInputs(true), and inputs() in the start callback. The
#   header has inputs() assert a member, inputs_valid_, that exists and is set under #ifndef NDEBUG alone; the published
#   libraries are compiled with NDEBUG, so nobody sets it. A program compiled without NDEBUG gets "INTERNAL ASSERT FAILED ...
#   Called inputs() outside RecordFunction start callback" as a warning for each operation, and never an input; with -DNDEBUG
#   the same program sees them.
# Expected: a public header means the same in programs of either kind.
# Who observes operations: compile that one source with -DNDEBUG.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6
torch=$(venv/bin/python -c 'import os, torch; print(os.path.dirname(torch.__file__))')

cat > observe.cpp <<'CPP'
#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <cstdio>

static int seen = 0;

int main() {
  const auto begin = [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
    seen += static_cast<int>(function.inputs().size());
    return nullptr;
  };
  const auto callback = at::addThreadLocalCallback(at::RecordFunctionCallback(begin).needsInputs(true));
  at::mm(at::ones({2, 3}), at::ones({3, 4}));
  at::removeCallback(callback);
  std::printf("%s\n", seen > 0 ? "inputs" : "no inputs");
}
CPP
for flag in -UNDEBUG -DNDEBUG; do
  g++ -std=c++20 -O1 "$flag" -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" observe.cpp -o observe \
    -L"$torch/lib" -ltorch -ltorch_cpu -lc10 -Wl,-rpath,"$torch/lib"
  echo "$flag: $(./observe 2>/dev/null)"
done | tee seen.txt
printf -- '-UNDEBUG: no inputs\n-DNDEBUG: inputs\n' | diff - seen.txt
