// RAE's decoder comes under two sets of names: those of bytetriper/RAE and those of diffusers' AutoencoderRAE.
#pragma once

#include "core/weights.h"

namespace svg {

/// Whether the names, below the decoder, are diffusers'.
bool has_diffusers_rae_names(const Weights& weights);

/// `weights` itself where it has RAE's own names (or none that are known), else a view that translates.
Weights with_rae_decoder_names(const Weights& weights);

}  // namespace svg
