// The networks by which pictures are measured, from published files.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"
#include "models/inception/inception.h"
#include "models/lpips.h"

namespace svg {

/// FID's Inception of a file, and what the file is.
struct OpenedInception {
  Inception network;
  std::string format;  // "torch zip"
  std::string remark;  // on how its names were read, mostly empty
};

/// pt_inception-2015-12-05-6726825d.pth of pytorch-fid, weights-inception-2015-12-05-6726825d.pth of torch-fidelity, or
/// a safetensors file with their names; fp32. Throws as open_model does, and Error(kWeightsMismatch) for another
/// network, for torchvision's Inception v3 and for rounded weights, saying what the file is and which to take.
OpenedInception open_inception(const std::string& path, at::Device device);

/// VGG-16 (torchvision's names or those of LPIPS) and the linear layers, often one file: then both paths are the same.
/// Adds to `remarks`, a list, how the names were read. Throws as open_model does, and Error(kWeightsMismatch).
Lpips open_lpips(const std::string& net, const std::string& lin, at::Device device, Json& remarks);

}  // namespace svg
