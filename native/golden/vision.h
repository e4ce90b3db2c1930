#pragma once

#include "golden/case.h"

namespace svg {

void run_dinov3(GoldenCase& golden);
void run_residual_vit(GoldenCase& golden);
void run_conv_decoder(GoldenCase& golden);
void run_autoencoder(GoldenCase& golden);
void run_lpips(GoldenCase& golden);
void run_patch_discriminator(GoldenCase& golden);

}  // namespace svg
