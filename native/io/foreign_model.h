// Weights in the form of other libraries: what they are, and how they become readable.
#pragma once

#include <optional>

#include "io/identity.h"
#include "io/stored_tensors.h"

namespace svg {

/// Empty for weights in the original's form, and for what nothing is known of. Looks at names, and at the config.json
/// beside the file.
std::optional<Identity> identify_foreign(const Checkpoint& checkpoint);

}  // namespace svg
