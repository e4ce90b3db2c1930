// How much a picture differs from another one of its size: PSNR, SSIM, MS-SSIM.
#pragma once

#include <ATen/ATen.h>

namespace svg {

// All take two uint8 tensors (H, W, 3) on the CPU, and throw Error(kInvalidArgument) for other ones, for sizes that
// differ and for pictures that are too small for the windows.

/// 10 log10(255^2 / mse) in dB, the error over all pixels and channels; infinity for equal pictures.
double psnr(const at::Tensor& a, const at::Tensor& b);

/// Mean of the structural similarity over the 11 x 11 gaussian windows (deviation 1.5) that lie inside; sides from 11
/// on.
/// Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
double ssim(const at::Tensor& a, const at::Tensor& b);

/// The same over a window at each pixel, the pictures continued by reflection: what torchmetrics gives since 1.5.
double ssim_reflect(const at::Tensor& a, const at::Tensor& b);

/// Over five scales, each half of the one before, sides from 161 on; the mean of the three channels' products. Halving
/// puts zeros before an odd side, as pytorch-msssim does.
/// Source: Wang et al., "Multi-scale structural similarity for image quality assessment", 2003.
double ms_ssim(const at::Tensor& a, const at::Tensor& b);

/// The same as torchmetrics has it: halving drops what is odd, the last scale is that of ssim_reflect, and channels are
/// averaged before the product. Sides from 176 on.
double ms_ssim_reflect(const at::Tensor& a, const at::Tensor& b);

}  // namespace svg
