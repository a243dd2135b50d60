#include "kernel.hpp"

namespace sei::mtp {

Kernels kernels_baseline() {
  Kernels kernels{"baseline", width, {}, {}};
  fill_kernels(kernels, AllLevels{});
  return kernels;
}

}  // namespace sei::mtp

