// Whose encoder an autoencoder of two files has: the checkpoint's own or that of the file beside it.
#pragma once

#include <string>

#include "models/encoder_choice.h"

namespace svg {

/// As choose_encoder() of the models' layer, from paths. Opens the files and reads a small part of them. Throws as
/// open_model().
EncoderChoice choose_encoder(const std::string& checkpoint, const std::string& encoder);
EncoderChoice choose_encoder(const Weights& checkpoint, const std::string& encoder);

}  // namespace svg
