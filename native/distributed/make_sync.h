// Makes the parameter sync that a run needs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "distributed/parameter_sync.h"

namespace svg {

/// `parameters`: fp32, what is updated. `leaves`: what backward differentiates by, under the same names: the parameters
/// themselves or copies in another dtype. `order`: names as the model asks for them in the forward pass. Without a
/// group, or with one that has no back end, nothing is summed. The group must outlive the result.
std::unique_ptr<ParameterSync> make_parameter_sync(ProcessGroup* group, const TensorMap& parameters,
                                                   const TensorMap& leaves, const std::vector<std::string>& order,
                                                   const SyncOptions& options);

}  // namespace svg
