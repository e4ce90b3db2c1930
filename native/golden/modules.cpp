#include "golden/modules.h"

#include <map>

#include "golden/autoencoder_train.h"
#include "golden/decoders.h"
#include "golden/diffusion.h"
#include "golden/dit.h"
#include "golden/encoders.h"
#include "golden/files.h"
#include "golden/inception.h"
#include "golden/metrics.h"
#include "golden/rae_dit.h"
#include "golden/text.h"
#include "golden/vision.h"

namespace svg {

const GoldenRunner* find_golden_runner(const std::string& module) {
  static const std::map<std::string, GoldenRunner> runners = {
      {"autoencoder", run_autoencoder},
      {"autoencoder_trainer", run_autoencoder_trainer},
      {"conv_decoder", run_conv_decoder},
      {"dinov2", run_dinov2},
      {"dinov3", run_dinov3},
      {"mae", run_mae},
      {"siglip2", run_siglip2},
      {"dit_trainer", run_dit_trainer},
      {"fid", run_fid},
      {"gemma2", run_gemma2},
      {"hy_decoder", run_hunyuan_decoder},
      {"inception", run_inception},
      {"inception_score", run_inception_score},
      {"kid", run_kid},
      {"lpips", run_lpips},
      {"ms_ssim", run_ms_ssim},
      {"next_dit", run_next_dit},
      {"patch_discriminator", run_patch_discriminator},
      {"precision_recall", run_precision_recall},
      {"psnr", run_psnr},
      {"rae_decoder", run_rae_decoder},
      {"rae_dit", run_rae_dit},
      {"residual_vit", run_residual_vit},
      {"solver", run_solver},
      {"ssim", run_ssim},
      {"step_cache", run_step_cache},
      {"svg_dit", run_svg_dit},
      {"torch_file", run_torch_file},
      {"transport", run_transport},
  };
  const auto found = runners.find(module);
  return found == runners.end() ? nullptr : &found->second;
}

}  // namespace svg
