// Whose encoder an autoencoder of two files has: the checkpoint's own or that of the file beside it.
#pragma once

#include <string>

namespace svg {

/// Whether the checkpoint's own counts, as holds_another_encoder() says. Opens both, and reads until they differ.
/// Throws as open_model().
bool own_encoder_counts(const std::string& checkpoint, const std::string& encoder);

}  // namespace svg
