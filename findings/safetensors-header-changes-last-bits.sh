#!/usr/bin/env bash
# safetensors and PyTorch on a CPU: a remark in a file's metadata changes the last bits of what its weights give.
#
# Seen (torch 2.13.0, safetensors 0.6.2, an AMD EPYC with AVX2 alone, one thread): the same fp32 matrix, saved with metadata of 0, 8,
# 16 ... 72 letters and read back bit for bit, gives two different results of torch.nn.functional.linear for one row of input.
# Which of them depends on whether the matrix begins at a multiple of 16 bytes. The format aligns the first tensor to 8 bytes
# only, and safe_open gives tensors that lie where they lie in the mapped file. Rows of two and more gave one result.
# Expected: the same numbers, the same result.
# Who compares pictures or hashes across files: align tensors to 64 bytes when writing (pad the header with spaces, which the
# format allows), or copy what was read (clone) before it is used; the last column below is of copies.
set -euo pipefail
if grep -q avx512f /proc/cpuinfo || ! grep -q avx2 /proc/cpuinfo; then
  echo "not run: seen on a processor with AVX2 alone"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 safetensors==0.6.2 numpy==2.4.6 packaging==26.0

cat > bits.py <<'PY'
import torch
from safetensors import safe_open
from safetensors.torch import save_file

torch.set_num_threads(1)
seen = True
for out, width in ((32, 96), (96, 257), (256, 768)):
    g = torch.Generator().manual_seed(out)
    w, row = torch.randn(out, width, generator=g), torch.randn(1, width, generator=g)
    results = {"mapped": {}, "copied": {}}
    for letters in range(0, 80, 8):
        save_file({"w": w}, "w.safetensors", metadata={"note": "x" * letters})
        with safe_open("w.safetensors", "pt") as file:
            mapped = file.get_tensor("w")
        assert torch.equal(mapped, w)
        for name, weight in (("mapped", mapped), ("copied", mapped.clone())):
            y = torch.nn.functional.linear(row, weight)
            results[name].setdefault(y.numpy().tobytes(), set()).add(mapped.data_ptr() % 16)
    places = list(results["mapped"].values())
    print(f"{out} x {width}: {len(places)} results, of addresses modulo 16 {places}; of copies {len(results['copied'])}")
    seen = seen and len(places) == 2 and places[0].isdisjoint(places[1]) and len(results["copied"]) == 1
raise SystemExit(0 if seen else 1)
PY
venv/bin/python bits.py
echo "as stated above"
