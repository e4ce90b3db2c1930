#!/usr/bin/env bash
# transformers: ViTMAEModel gives its patches in a random order, even where nothing is masked.
#
# Seen (CPU, torch 2.13.0, transformers 4.57.3 and 5.24.0): with mask_ratio 0 and in eval mode, two calls on one picture give
# unlike last_hidden_state. The tokens are the same ones, in another order each time; ids_restore says which, and only the
# pretraining head uses it. Whoever reshapes last_hidden_state to a feature map, as for every other ViT, gets a scrambled one.
# Given `noise` that ascends, the order is the picture's own.
# Expected: the picture's order where no patch is left out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# What Python says on stderr is shown where it fails alone: its warnings are many.
python() { venv/bin/python "$@" 2>errors.txt || { cat errors.txt >&2; exit 1; }; }
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6
venv/bin/pip install --quiet --target old transformers==4.57.3
venv/bin/pip install --quiet --target new transformers==5.24.0

cat > order.py <<'PY'
import torch, transformers
from transformers import ViTMAEConfig, ViTMAEModel

torch.manual_seed(0)
config = ViTMAEConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=64,
                      patch_size=16, mask_ratio=0.0, decoder_hidden_size=32, decoder_num_attention_heads=2)
model = ViTMAEModel(config).eval()
image = torch.randn(1, 3, 64, 64)
same = lambda a, b: bool(torch.allclose(a, b, atol=1e-5))
def restored(out):
    patches = out.last_hidden_state[:, 1:]
    return patches.gather(1, out.ids_restore[..., None].expand_as(patches))

with torch.no_grad():
    first, second = model(image), model(image)
    ascending = model(image, noise=torch.arange(16.0)[None])
told = f"transformers {transformers.__version__}:"
print(told, "masked patches", int(first.mask.sum()))
print(told, "two calls agree", same(first.last_hidden_state, second.last_hidden_state))
print(told, "two calls agree after ids_restore", same(restored(first), restored(second)))
print(told, "the picture's order with ascending noise", same(ascending.last_hidden_state[:, 1:], restored(first)))
PY

PYTHONPATH=old python order.py | tee seen.txt
PYTHONPATH=new python order.py | tee -a seen.txt
for version in 4.57.3 5.24.0; do
  cat <<TXT
transformers $version: masked patches 0
transformers $version: two calls agree False
transformers $version: two calls agree after ids_restore True
transformers $version: the picture's order with ascending noise True
TXT
done > wanted.txt
diff wanted.txt seen.txt && echo "still so"
