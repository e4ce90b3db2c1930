// What a model does to one load, counted from its dimensions: products, attention, convolutions, the passes over memory
// between them, and what it holds at most while it does so.
#pragma once

#include <cstdint>
#include <vector>

#include "models/part.h"

namespace svg {

/// Of what every model keeps in fp32: the sum of its layers, norms, pictures.
inline constexpr int64_t kFloatBytes = 4;

struct Work {
  /// (rows, in) times a weight (out, in).
  struct Product {
    int64_t rows = 0, in = 0, out = 0;
    double times = 1;
  };
  /// Softmax over all keys, of `heads` heads that share `kv_heads`.
  struct Attention {
    int64_t queries = 0, keys = 0, heads = 1, kv_heads = 1, head_dim = 0;
    double times = 1;
  };
  /// A square kernel over a map of rows x columns that keeps its size.
  struct Convolution {
    int64_t rows = 0, columns = 0, in = 0, out = 0, kernel = 1;
    double times = 1;
  };

  std::vector<Product> products;
  std::vector<Attention> attentions;
  std::vector<Convolution> convolutions;
  double pass_bytes = 0;   // read and written by elementwise operations and norms
  double passes = 0;       // how many of them there are
  int64_t peak_bytes = 0;  // of activations at once

  // Equal ones are one entry, done so many times.
  void product(int64_t rows, int64_t in, int64_t out, double times = 1);
  void attention(const Attention& one);
  void convolution(const Convolution& one);
  void pass(double bytes, double count = 1);
  /// So many bytes are held at one moment.
  void hold(int64_t bytes);
  /// `other` is done so many times, before or after: peaks are not added.
  void add(const Work& other, double times = 1);

  /// Multiplications and additions.
  double flops() const;
};

/// One picture of a batch.
struct PictureLoad {
  Cells cells;
  /// Of its prompt, and of the one that guidance moves away from; 0 for classes.
  int64_t tokens = 0, unconditional_tokens = 0;
};

/// Pictures that go through a velocity model together, with or without the unconditional velocity.
struct VelocityLoad {
  std::vector<PictureLoad> pictures;
  bool guided = true;
  int64_t element_bytes = 4;  // of the dtype that it computes in
  bool step_cache = false;    // whether each picture has one
};

}  // namespace svg
