// fp32 as fp32 on a GPU, where features are held against those of others.
#pragma once

#include <ATen/Context.h>

namespace svg {

/// While it lives, a GPU's fp32 convolutions do not round to TF32.
class ExactConvolutions {
 public:
  ExactConvolutions() : before_(at::globalContext().allowTF32CuDNN()) { at::globalContext().setAllowTF32CuDNN(false); }
  ~ExactConvolutions() { at::globalContext().setAllowTF32CuDNN(before_); }
  ExactConvolutions(const ExactConvolutions&) = delete;
  ExactConvolutions& operator=(const ExactConvolutions&) = delete;

 private:
  bool before_;
};

}  // namespace svg
