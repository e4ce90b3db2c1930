#!/usr/bin/env bash
# transformers 5: a tokenizer.json is not what tokenizes where tokenizer_config.json names GemmaTokenizer.
#
# Seen: a folder with a tokenizer.json of its own (lower case, split at blanks, a token a word) whose tokenizer_config.json says
# "GemmaTokenizer". transformers 4.57.3 tokenizes as the file says. 5.24.0 keeps the vocabulary and builds Gemma's own
# normalizer and splitter around it: other ids for the same text, without a word. With "PreTrainedTokenizerFast" in the same
# place both versions give the file's ids.
# A model that was trained on the one kind of ids is silently conditioned on the other after an upgrade.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# What Python says on stderr is shown where it fails alone: its warnings are many.
python() { venv/bin/python "$@" 2>errors.txt || { cat errors.txt >&2; exit 1; }; }
python3 -m venv venv
venv/bin/pip install --quiet --target old transformers==4.57.3
venv/bin/pip install --quiet --target new transformers==5.24.0

cat > ids.py <<'PY'
import json, os, sys
import transformers
from transformers import AutoTokenizer

text = "Two Red circles"
words = ["<pad>", "<eos>", "<bos>", "<unk>", "two", "red", "circles"]
file = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [
        {"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, w in enumerate(words[:4])],
    "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": None, "decoder": None,
    "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
              "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": False, "ignore_merges": True,
              "vocab": {w: i for i, w in enumerate(words)}, "merges": []},
}
for kind in ("GemmaTokenizer", "PreTrainedTokenizerFast"):
    os.makedirs(kind, exist_ok=True)
    json.dump(file, open(f"{kind}/tokenizer.json", "w"))
    json.dump({"tokenizer_class": kind, "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"},
              open(f"{kind}/tokenizer_config.json", "w"))
    json.dump({"model_type": "gemma2"}, open(f"{kind}/config.json", "w"))
    ids = AutoTokenizer.from_pretrained(kind)(text, add_special_tokens=False)["input_ids"]
    same = ids == [4, 5, 6]
    print(f"transformers {transformers.__version__} {kind}: {'the ids of tokenizer.json' if same else 'other ids'}")
PY
PYTHONPATH=old python ids.py | tee seen.txt
PYTHONPATH=new python ids.py | tee -a seen.txt
cat > wanted.txt <<'TXT'
transformers 4.57.3 GemmaTokenizer: the ids of tokenizer.json
transformers 4.57.3 PreTrainedTokenizerFast: the ids of tokenizer.json
transformers 5.24.0 GemmaTokenizer: other ids
transformers 5.24.0 PreTrainedTokenizerFast: the ids of tokenizer.json
TXT
diff wanted.txt seen.txt && echo "still so"
