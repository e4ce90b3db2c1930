#!/usr/bin/env bash
# PyTorch on a CPU: the int8 linear layer (onednn::qlinear_pointwise) gives wrong sums on processors without VNNI, silently.
#
# Seen (torch 2.13.0, a Xeon held to older instructions by ONEDNN_MAX_CPU_ISA): with AVX512 or AVX2 alone, 256 products of
#   (255 - 128) and 127 sum to 32640, not to 4129024, and with random bytes and weights the result is off by 21 % of its norm. Two
#   products of unsigned and signed bytes are added in 16 bits there, which hold 32767. With AVX512_CORE_VNNI both are exact.
# Expected: exact sums, as with VNNI, or an error.
# Who quantises for any processor: try it on the largest numbers once, and leave processors that fail to fp32; or keep to 7 bits.
# Without VNNI it says so and tells nothing.
set -euo pipefail
if ! grep -q avx512_vnni /proc/cpuinfo; then
  echo "not run: this processor has no VNNI to compare with"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6

cat > sums.py <<'PY'
import torch

def product(x, w):
    op = torch.ops.onednn
    zeros = torch.zeros(w.shape[0], dtype=torch.int32)
    return op.qlinear_pointwise(x, 1.0, 128, op.qlinear_prepack(w, None), torch.ones(w.shape[0]), zeros, None, 1.0, 0,
                                torch.float32, "none", [], "").double()

largest = product(torch.full((4, 256), 255, dtype=torch.uint8), torch.full((64, 256), 127, dtype=torch.int8))
g = torch.Generator().manual_seed(0)
w = torch.randint(-127, 128, (64, 256), dtype=torch.int8, generator=g)
x = torch.randint(0, 256, (32, 256), dtype=torch.uint8, generator=g)
want = (x.int() - 128).double() @ w.double().t()
print(int(largest[0, 0]), round(100 * float((product(x, w) - want).norm() / want.norm())))
PY
for isa in AVX2 AVX512_CORE AVX512_CORE_VNNI; do
  read -r largest percent < <(ONEDNN_MAX_CPU_ISA=$isa venv/bin/python sums.py)
  echo "$isa: the largest numbers sum to $largest (exact: 4129024), random ones are off by $percent %"
  if [ "$isa" = AVX512_CORE_VNNI ]; then
    test "$largest" = 4129024 && test "$percent" = 0
  else
    test "$largest" != 4129024 && test "$percent" -gt 5
  fi
done
echo "as stated above"
