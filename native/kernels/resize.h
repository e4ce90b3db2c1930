// Resizing 8-bit pictures on the CPU.
#pragma once

#include <cstdint>

namespace svg::cpu {

/// out (side, side, 3) = (v + shift) * factor, where v is the picture (height, width, 3) resized: bilinear, pixel 0 at
/// pixel 0 in steps of in / side, no antialiasing, the neighbour beyond the last row or column clamped, not rounded.
/// Source: resize_bilinear of TensorFlow 1 with align_corners and half_pixel_centers off.
void tensorflow_resize(const uint8_t* picture, int64_t height, int64_t width, float* out, int64_t side, float shift,
                       float factor);

}  // namespace svg::cpu
