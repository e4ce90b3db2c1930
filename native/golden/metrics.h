// Golden cases of the metrics of sets and of pairs.
#pragma once

#include "golden/case.h"

namespace svg {

/// "fid": from two sets of features, or from their statistics.
void run_fid(GoldenCase& golden);

/// "kid": with the permutations and the subsets that its random numbers give.
void run_kid(GoldenCase& golden);

/// "inception_score": both ways to cut a set.
void run_inception_score(GoldenCase& golden);

void run_precision_recall(GoldenCase& golden);

void run_psnr(GoldenCase& golden);

/// "ssim" and "ms_ssim", each with its variant of torchmetrics.
void run_ssim(GoldenCase& golden);
void run_ms_ssim(GoldenCase& golden);

}  // namespace svg
