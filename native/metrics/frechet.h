// The Fréchet distance of two sets of features, each taken as a normal distribution: FID.
#pragma once

#include "metrics/moments.h"

namespace svg {

/// |mu_a - mu_b|^2 + tr S_a + tr S_b - 2 tr sqrt(S_a S_b), in fp64. Right for covariances of any rank and scale.
/// A distance of 0 may come out a little below it, by the rounding of the traces: it is given as it is, so that a mean
/// over many stays unbiased. Throws Error(kInvalidArgument) for shapes that do not fit each other and for a sigma
/// that is no covariance.
/// Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017.
double frechet_distance(const Statistics& a, const Statistics& b);

}  // namespace svg
