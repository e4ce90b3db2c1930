// What a state dict is, told from its names and shapes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/checkpoint.h"
#include "io/identity.h"

namespace svg {

/// Tells a model from the names and shapes of its weights; empty where it is none that it knows. It knows the models,
/// and this folder does not.
using ModelRecogniser = std::function<std::optional<Identity>(const Weights&)>;

/// The number of parameters is added to what `recognise` says.
Identity identify(const std::shared_ptr<Checkpoint>& checkpoint, const ModelRecogniser& recognise);

/// open_checkpoint for weights that a model is to be made of, without wrappers (io/wrappers.h). Throws as it does, and
/// kWeightsMismatch for a file in another library's form or of quantised numbers, naming it and the way out. `wanted`
/// is for the message: "a diffusion transformer".
std::shared_ptr<Checkpoint> open_model(const std::string& path, const std::string& wanted,
                                       const CheckpointOptions& options = {});

int64_t count_parameters(const Checkpoint& checkpoint);

}  // namespace svg
