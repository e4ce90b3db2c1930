#!/usr/bin/env bash
# safetensors: a packed fp4 tensor has one shape in the file and another one when it is read.
#
# Seen (safetensors 0.8.0, torch 2.13.0): torch's float4_e2m1fn_x2 of (4, 8) holds two numbers a byte. The header counts
# numbers ([4, 16], dtype F4), get_slice().get_shape() tells the same, get_tensor() gives torch's (4, 8), and a slice that
# takes everything ends in a RuntimeError, since it wants 64 elements of 32 bytes.
# A tool that plans memory or checks a model's dimensions by get_shape() finds twice the columns that it will get.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6 safetensors==0.8.0

cat > shapes.py <<'PY'
import json, struct
import torch
from safetensors import safe_open
from safetensors.torch import save_file

save_file({"w": torch.zeros(4, 8, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)}, "w.safetensors")
data = open("w.safetensors", "rb").read()
header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
print("header", header["w"]["dtype"], header["w"]["shape"])
with safe_open("w.safetensors", "pt") as file:
    part = file.get_slice("w")
    print("get_shape", part.get_shape())
    print("get_tensor", list(file.get_tensor("w").shape))
    try:
        print("slice", list(part[:].shape))
    except RuntimeError as error:
        print("slice", error)
PY
venv/bin/python shapes.py | tee seen.txt
cat > wanted.txt <<'TXT'
header F4 [4, 16]
get_shape [4, 16]
get_tensor [4, 8]
slice shape '[4, 16]' is invalid for input of size 32
TXT
diff wanted.txt seen.txt && echo "still so"
