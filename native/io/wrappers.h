// Training tools wrap a model and so its names: DistributedDataParallel writes "module.", torch.compile "_orig_mod.".
#pragma once

#include <memory>

#include "io/checkpoint.h"

namespace svg {

/// The checkpoint under the model's own names: without wrappers' prefixes, and of several copies the averaged one.
/// `inner` itself where nothing is to be taken off. What was done is in remark(). Throws Error(kFileFormat) where two
/// tensors would get one name.
std::shared_ptr<Checkpoint> without_wrappers(std::shared_ptr<Checkpoint> inner);

}  // namespace svg
