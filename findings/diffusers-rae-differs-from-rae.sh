#!/usr/bin/env bash
# diffusers: AutoencoderRAE computes other numbers than the RAE whose weights it holds, and one of its three encoders cannot be
# built.
#
# Seen (CPU, torch 2.13.0, diffusers 0.42.1, transformers 5.24.0):
#   statistics  latents_std of converted weights is sqrt(var + 1e-5) already; the class divides by latents_std + 1e-5. A channel
#               of no variance is off by 0.32 %.
#   positions   the decoder's table has the positions arange(n) * 16 / n. RAE's has arange(n): the same for n = 16, half of it
#               for n = 32, the published decoders of 512 px. A decoder_pos_embed in the file is passed over, without a word.
#   siglip2     AutoencoderRAE(encoder_type="siglip2") ends in an AttributeError: transformers 5.24's SiglipVisionModel has no
#               vision_model. An older transformers is no way out: pip finds no huggingface_hub for diffusers 0.42.1 and
#               transformers 4.57.3.
#   mae         the names of the encoder's tensors are those of transformers' memory: "encoder.layers.0.mlp.fc1", where
#               facebook/vit-mae-* has "encoder.layer.0.intermediate.dense". A file with such a name is loaded, the
#               tensor drawn at random: a warning, no error.
# Expected: RAE's numbers from RAE's weights, names that last, and three encoders.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# What Python says on stderr is shown where it fails alone: its warnings are many.
python() { venv/bin/python "$@" 2>errors.txt || { cat errors.txt >&2; exit 1; }; }
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6 diffusers==0.42.1 transformers==5.24.0

cat > rae.py <<'PY'
import diffusers, torch, transformers
from diffusers import AutoencoderRAE
from safetensors.torch import load_file, save_file

print(f"diffusers {diffusers.__version__}, transformers {transformers.__version__}")
sizes = dict(encoder_hidden_size=64, encoder_num_hidden_layers=1, decoder_hidden_size=32, decoder_num_hidden_layers=1,
             decoder_num_attention_heads=2, decoder_intermediate_size=64, patch_size=4)

# RAE keeps mean and var and divides by sqrt(var + 1e-5); that root is what a converted file holds.
deviation = (torch.zeros(64, 4, 4) + 1e-5).sqrt()
torch.manual_seed(0)
model = AutoencoderRAE(**sizes, encoder_input_size=56, latents_mean=torch.zeros(64, 4, 4), latents_std=deviation).eval()
plain = AutoencoderRAE(**sizes, encoder_input_size=56).eval()
plain.load_state_dict({k: v for k, v in model.state_dict().items() if "_latents" not in k}, strict=False)
picture = torch.rand(1, 3, 56, 56)
with torch.no_grad():
    tokens = plain.encode(picture).latent * (1 + 1e-5)  # its deviation of 1 gets the 1e-5, too
    ratio = (tokens / deviation / model.encode(picture).latent).median()
print(f"statistics: RAE's latents are {ratio:.4f} times those of diffusers")

for n in (4, 16, 32):
    table = AutoencoderRAE(**sizes, encoder_input_size=14 * n).decoder.decoder_pos_embed[0, 1:]
    print(f"positions: of {n} columns the second has the sine {table[1, 0]:.4f}, in RAE {torch.tensor(1.0).sin():.4f}")

try:
    AutoencoderRAE(**sizes, encoder_type="siglip2", encoder_patch_size=16, encoder_input_size=64)
    print("siglip2: built")
except AttributeError as error:
    print(f"siglip2: AttributeError: {error}")

mae = AutoencoderRAE(**sizes, encoder_type="mae", encoder_patch_size=16, encoder_input_size=64)
print("mae:", next(name for name in mae.state_dict() if "mlp" in name or "intermediate" in name))

mae.save_pretrained("mae")
path = "mae/diffusion_pytorch_model.safetensors"
file = load_file(path)
def read(tensors):
    save_file(tensors, path, metadata={"format": "pt"})
    return AutoencoderRAE.from_pretrained("mae", output_loading_info=True)

other, told = read({**file, "decoder.decoder_pos_embed": torch.full_like(mae.decoder.decoder_pos_embed, 7.0)})
taken = bool((other.decoder.decoder_pos_embed == 7).all())
print(f"positions: those of the file are taken: {taken}, unexpected keys {len(told['unexpected_keys'])}")

published = lambda name: name.replace("encoder.layers.", "encoder.layer.").replace("mlp.fc1", "intermediate.dense")
other, told = read({(published(name) if "encoder.layers.0.mlp.fc1" in name else name): tensor for name, tensor in file.items()})
name = "encoder.layers.0.mlp.fc1.weight"
print(f"mae: published names are read: {torch.equal(other.state_dict()[name], file[name])}, missing", *sorted(told["missing_keys"]))
PY
python rae.py | tee seen.txt
if venv/bin/pip install --quiet --dry-run --ignore-installed diffusers==0.42.1 transformers==4.57.3 2>pip.txt; then
  echo "pip: installs both"
else
  grep -o ResolutionImpossible pip.txt || { cat pip.txt >&2; exit 1; }
fi | tee -a seen.txt
cat > wanted.txt <<'TXT'
diffusers 0.42.1, transformers 5.24.0
statistics: RAE's latents are 1.0032 times those of diffusers
positions: of 4 columns the second has the sine -0.7568, in RAE 0.8415
positions: of 16 columns the second has the sine 0.8415, in RAE 0.8415
positions: of 32 columns the second has the sine 0.4794, in RAE 0.8415
siglip2: AttributeError: 'SiglipVisionModel' object has no attribute 'vision_model'
mae: encoder.layers.0.mlp.fc1.weight
positions: those of the file are taken: False, unexpected keys 0
mae: published names are read: False, missing encoder.layers.0.mlp.fc1.bias encoder.layers.0.mlp.fc1.weight
ResolutionImpossible
TXT
diff wanted.txt seen.txt && echo "still so"
