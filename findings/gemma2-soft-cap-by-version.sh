#!/usr/bin/env bash
# transformers: whether Gemma-2's attn_logit_softcapping is applied depends on the version alone.
#
# Seen (CPU, torch 2.13.0):
#   4.57.3  the default attention is sdpa, which has no soft cap: config.json asks for one, and features are those of a
#           model without it. No warning, no error.
#   5.24.0  the same folder is loaded with eager attention, and the cap is applied.
# So two users who load one folder with the same lines get other features (here off by more than a standard deviation), and a
# diffusion transformer that was trained on the one kind is conditioned on the other.
# Expected: the cap is applied, or refused in words, in every version.
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

cat > features.py <<'PY'
import sys
import torch, transformers
from transformers import Gemma2Config, Gemma2ForCausalLM

folder = "model"
if sys.argv[1] == "save":
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=1, initializer_range=0.2,
        attn_logit_softcapping=2.0, final_logit_softcapping=30.0, max_position_embeddings=64)
    Gemma2ForCausalLM(config).save_pretrained(folder)

def features(**options):
    model = Gemma2ForCausalLM.from_pretrained(folder, **options).eval()
    cap = model.config.attn_logit_softcapping
    with torch.no_grad():
        hidden = model.model(torch.arange(12)[None] + 3, output_hidden_states=True).hidden_states[-2]
    return model.config._attn_implementation, cap, hidden

kind, cap, default = features()
_, _, capped = features(attn_implementation="eager")
difference = "as eager" if (default - capped).abs().max() < 1e-4 else "other than eager"
print(f"transformers {transformers.__version__}: cap {cap}, default attention {kind}, features {difference}")
PY

PYTHONPATH=old python features.py save | tee seen.txt
PYTHONPATH=new python features.py load | tee -a seen.txt
cat > wanted.txt <<'TXT'
transformers 4.57.3: cap 2.0, default attention sdpa, features other than eager
transformers 5.24.0: cap 2.0, default attention eager, features as eager
TXT
diff wanted.txt seen.txt && echo "still so"
