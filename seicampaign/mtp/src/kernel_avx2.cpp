#if defined(__x86_64__)
#include "kernel.hpp"

namespace sei::mtp {

Kernels kernels_avx2() {
  Kernels kernels{"avx2", width, {}, {}};
  fill_kernels(kernels, AllLevels{});
  return kernels;
}

}  // namespace sei::mtp
#endif
